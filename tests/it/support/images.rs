//! Image files byte by byte: what encoders do not write, and what is written with ill will.

/// A JPEG of one grey, or of grey with two equal colour components, whose scans hold no data: a decoder reads zeros, which
/// mean "as before" in its tables.
#[derive(Clone, Copy)]
pub struct Jpeg {
    pub width: u16,
    pub height: u16,
    pub components: u8,
    /// Scans after the first one, each of them ten bytes; a progressive one if there are any.
    pub scans: usize,
}

impl Jpeg {
    pub fn new(width: u16, height: u16) -> Self {
        Self { width, height, components: 3, scans: 1 }
    }

    pub fn bytes(self) -> Vec<u8> {
        [b"\xff\xd8".as_slice(), &self.head(), &self.body(), b"\xff\xd9"].concat()
    }

    /// The same, behind an APP0 segment of length 6: some decoders read five bytes of it where there are four, and do not see
    /// the next marker. It is a comment that holds the head of a small image.
    pub fn behind(self, small: Self) -> Vec<u8> {
        let decoy = [small.head(), small.tables(), scan(1, 0, 0)].concat();
        [b"\xff\xd8\xff\xe0\0\x06\0\0\0\0".as_slice(), &segment(0xfe, &decoy), &self.head(), &self.body(), b"\xff\xd9"]
            .concat()
    }

    /// The frame header.
    fn head(self) -> Vec<u8> {
        let kind = if self.scans > 0 { 0xc2 } else { 0xc0 };
        let (height, width) = (self.height.to_be_bytes(), self.width.to_be_bytes());
        let mut content = vec![8, height[0], height[1], width[0], width[1], self.components];
        for component in 1..=self.components {
            // The first one is as dense as the pixels, the others half as much.
            content.extend([component, if component == 1 && self.components > 1 { 0x22 } else { 0x11 }, 0]);
        }
        segment(kind, &content)
    }

    fn tables(self) -> Vec<u8> {
        let table = |class: u8, symbol: u8| {
            let mut content = vec![class << 4, 1];
            content.extend([0; 15]);
            content.push(symbol);
            segment(0xc4, &content)
        };
        let mut steps = vec![0];
        steps.extend([1; 64]);
        // No difference; and the rest of 16,384 blocks, or of this one, is empty.
        let rest = if self.scans > 0 { 0xe0 } else { 0 };
        [segment(0xdb, &steps), table(0, 0), table(1, rest)].concat()
    }

    fn body(self) -> Vec<u8> {
        let first = scan(self.components, 0, if self.scans > 0 { 0 } else { 63 });
        [self.tables(), first, scan(1, 1, 63).repeat(self.scans)].concat()
    }
}

fn scan(components: u8, first: u8, last: u8) -> Vec<u8> {
    let mut content = vec![components];
    for component in 1..=components {
        content.extend([component, 0]);
    }
    content.extend([first, last, 0]);
    segment(0xda, &content)
}

/// A JPEG segment.
pub fn segment(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, kind, length[0], length[1]], content].concat()
}

/// A chunk of a PNG.
pub fn png_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let chunk = [kind.as_slice(), content].concat();
    let crc = chunk.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    [&u32::try_from(content.len()).unwrap().to_be_bytes(), chunk.as_slice(), &(!crc).to_be_bytes()].concat()
}

/// A chunk of a WebP.
pub fn webp_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let padding: &[u8] = if content.len() % 2 == 1 { &[0] } else { &[] };
    [kind.as_slice(), &size, content, padding].concat()
}

/// A WebP of these chunks.
pub fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = [b"WEBP".to_vec(), chunks.concat()].concat();
    webp_chunk(b"RIFF", &content)
}

/// The head of a WebP with a canvas.
pub fn webp_canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    webp_chunk(b"VP8X", &[vec![flags, 0, 0, 0], three(width - 1), three(height - 1)].concat())
}

/// The beginning of a lossy frame; its data is missing.
pub fn vp8(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
    // A key frame that is shown, with a first part of 64 bytes.
    let head = [0x10, 0x08, 0, 0x9d, 0x01, 0x2a, width[0], width[1], height[0], height[1]];
    webp_chunk(b"VP8 ", &[head.as_slice(), &[0; 500]].concat())
}

/// A GIF whose first frame is so large, on a canvas of its own size.
pub fn gif(canvas: (u16, u16), frame: (u16, u16)) -> Vec<u8> {
    let size = |(width, height): (u16, u16)| [width.to_le_bytes(), height.to_le_bytes()].concat();
    [
        b"GIF89a".as_slice(),
        &size(canvas),
        &[0x80, 0, 0, 0, 0, 0, 255, 255, 255],
        &[0x2c, 0, 0, 0, 0],
        &size(frame),
        // Clear, one black pixel, end.
        &[0, 2, 2, 0x44, 0x01, 0, 0x3b],
    ]
    .concat()
}
