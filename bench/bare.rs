//! The ceiling: a Rocket handler that returns a short text, or so many bytes. Whatever Chaupal does more than this is
//! measured against it, in the same run.

use rocket::{get, routes};

// Chaupal's allocator, so that not the allocators are compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The largest static file is smaller.
static BYTES: [u8; 1 << 20] = [b'a'; 1 << 20];

#[get("/")]
fn short() -> &'static str {
    "Hello, square!\n"
}

#[get("/<length>")]
fn bytes(length: usize) -> Option<&'static [u8]> {
    BYTES.get(..length)
}

#[rocket::main]
async fn main() -> Result<(), Box<rocket::Error>> {
    // The address and the port come from ROCKET_ADDRESS and ROCKET_PORT.
    let figment = rocket::Config::figment().merge(("log_level", "off"));
    rocket::custom(figment).mount("/", routes![short, bytes]).launch().await.map(drop).map_err(Box::new)
}
