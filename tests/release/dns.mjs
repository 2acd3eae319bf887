// A name server that knows one name: node dns.mjs ADDRESS NAME IP. Says "ready" when it listens.
import { createSocket } from 'node:dgram';

const [address, name, ip] = process.argv.slice(2);
const A = 1;
const socket = createSocket('udp4');

socket.on('message', (question, { port, address: asker }) => {
  // The header has 12 bytes; the name's parts stand behind it, each after its length.
  const labels = [];
  let at = 12;
  while (question[at]) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
    at += question[at] + 1;
  }
  const known = labels.join('.').toLowerCase() === name;
  const answers = known && question.readUInt16BE(at + 1) === A;
  const head = Buffer.alloc(12);
  question.copy(head, 0, 0, 2);
  head.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers ? 1 : 0, 6);
  // The name (a pointer to the question), type A, class IN, for one second, four bytes.
  const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...ip.split('.').map(Number)]);
  socket.send(Buffer.concat([head, question.subarray(12, at + 5), ...(answers ? [record] : [])]), port, asker);
});
socket.bind(53, address, () => console.log('ready'));
