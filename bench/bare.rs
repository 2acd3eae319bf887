//! The ceiling: a Rocket handler that returns a short text. Whatever Chaupal does more than this is
//! measured against it, in the same run.

use rocket::{get, routes};

#[get("/")]
fn short() -> &'static str {
    "Hello, square!\n"
}

#[rocket::main]
async fn main() -> Result<(), Box<rocket::Error>> {
    // The address and the port come from ROCKET_ADDRESS and ROCKET_PORT.
    let figment = rocket::Config::figment().merge(("log_level", "off"));
    rocket::custom(figment).mount("/", routes![short]).launch().await.map(drop).map_err(Box::new)
}
