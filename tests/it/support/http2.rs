//! HTTP/2 in the clear, as a client speaks it that knows that the server does.

use std::io::Cursor;

use rocket::tokio;
use rocket::tokio::net::TcpStream;

use super::{Request, Site};

/// Sends a request; its address carries the host, there is no header for it. Gives the status and where it leads.
pub fn send(site: &Site, authority: &str, request: &Request) -> (u16, Option<String>) {
    let port = site.port();
    super::runtime().block_on(async {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let handshake = h2::client::Builder::new().handshake::<_, Cursor<Vec<u8>>>(socket).await;
        let (client, connection) = handshake.expect("the server speaks HTTP/2");
        let work = tokio::spawn(connection);
        let mut client = client.ready().await.expect("the connection stays open");
        let uri = format!("http://{authority}{}", request.target);
        let mut head = http::Request::builder().method(request.method.as_str()).uri(uri);
        for (name, value) in &request.headers {
            head = head.header(name.to_lowercase(), value);
        }
        let (answer, mut body) = client.send_request(head.body(()).expect("a request"), false).expect("it goes");
        body.send_data(Cursor::new(request.body.clone()), true).expect("its body goes");
        let answer = answer.await.expect("an answer");
        work.abort();
        let location = answer.headers().get("location").map(|value| value.to_str().expect("a path").to_owned());
        (answer.status().as_u16(), location)
    })
}
