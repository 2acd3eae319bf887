//! Pictures: brought with forms, shown, changed, served; and what is brought with ill will.

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use chaupal::kit::i18n::Text;
use chaupal::kit::pictures::{Picture, shelf};
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use crate::support::{Answer, PASSWORD, Person, Request, Site, s3, says, words};

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Left half red, right half blue; `shade` makes another picture.
fn photograph(width: u32, height: u32, shade: u8) -> Vec<u8> {
    let image =
        RgbImage::from_fn(
            width,
            height,
            |x, _| {
                if x < width / 2 { Rgb([200, shade, 20]) } else { Rgb([20, shade, 200]) }
            },
        );
    encoded(&image.into(), ImageFormat::Jpeg)
}

fn drawing() -> Vec<u8> {
    let image = RgbaImage::from_fn(400, 300, |x, _| Rgba([20, 120, 20, if x < 200 { 0 } else { 255 }]));
    encoded(&image.into(), ImageFormat::Png)
}

/// As templates write it into an attribute.
fn inside(text: &str) -> String {
    text.replace('/', "&#x2F;")
}

fn picture_of(site: &Site, person: &Person<'_>) -> Option<Picture> {
    let name = site.text(&format!("SELECT coalesce(picture, '') FROM users WHERE id = {}", person.id));
    Picture::parse(&name)
}

fn decoded(person: &Person<'_>, url: &str) -> DynamicImage {
    let answer = person.open(Request::new("GET", url));
    assert_eq!(answer.status, 200, "{url}");
    image::load_from_memory(&answer.bytes()).unwrap()
}

const NAMES: [(&str, &str); 2] = [("name", "Asha Rao"), ("bio", "I weave.")];

fn bring(person: &Person<'_>, bytes: &[u8]) -> Answer {
    person.bring("/account/edit", &NAMES, bytes)
}

fn the_whole_way(site: &Site) {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    asha.say(room, "hello", "").status(201);
    asha.get("/account/edit").status(200).hold("enctype=\"multipart/form-data\"").hold("type=\"file\"");
    bring(&asha, &photograph(900, 600, 90)).leads_to("/developers/asha");
    let first = picture_of(site, &asha).unwrap();
    assert_eq!((first.width, first.height), (256, 256));
    let stranger = site.anonymous();
    for page in ["/developers/asha", "/developers", "/", &format!("/rooms/{room}"), "/search?q=weavers"] {
        let page = stranger.get(page);
        page.status(200).hold(&inside(&format!("{} 64w", first.files()[0]))).hold("loading=\"lazy\"");
    }
    let shown = decoded(&stranger, &format!("/media/{}", first.file_for(256)));
    assert_eq!(shown.dimensions(), (256, 256));
    let (left, right) = (shown.get_pixel(20, 128).0, shown.get_pixel(236, 128).0);
    assert!(left[0] > 150 && left[2] < 80 && right[2] > 150 && right[0] < 80, "{left:?} {right:?}");
    for width in [64, 128] {
        assert_eq!(decoded(&stranger, &format!("/media/{}", first.file_for(width))).dimensions(), (width, width));
    }

    // The form keeps what is there; another picture takes its place; a tick takes it away.
    let kept = asha.get("/account/edit").field("picture_kept").unwrap();
    assert_eq!(kept, first.to_string());
    asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", &kept)]).leads_to("/developers/asha");
    assert_eq!(picture_of(site, &asha), Some(first.clone()));
    asha.post("/account/edit", &[("name", "Asha")]).leads_to("/developers/asha");
    assert_eq!(picture_of(site, &asha), Some(first.clone()), "a form that knows of no picture changes none");
    bring(&asha, &photograph(600, 900, 10)).leads_to("/developers/asha");
    let second = picture_of(site, &asha).unwrap();
    assert_ne!(second, first);
    stranger.get("/developers/asha").hold(&inside(&second.file_for(64))).see_not(&inside(&first.file_for(64)));
    let fields = [("name", "Asha"), ("picture_kept", &second.to_string()), ("picture_remove", "1")];
    asha.post("/account/edit", &fields).leads_to("/developers/asha");
    assert_eq!(picture_of(site, &asha), None);
    stranger.get("/developers/asha").see_not("<img").see("A");

    // A project is shown whole, and one sees through what is clear.
    let fields = [("title", "Loom"), ("picture_kept", "")];
    let made = asha.bring("/projects/new", &fields, &drawing());
    let url = made.status(303).location();
    let name = site.text("SELECT featured_image FROM projects");
    let cover = Picture::parse(&name).unwrap();
    assert_eq!((cover.width, cover.height), (400, 300), "never larger than it came");
    stranger.get(&url).hold(&inside(&format!("{} 400w", cover.file_for(400)))).hold("width=\"400\" height=\"300\"");
    stranger.get("/projects").hold(&inside(&cover.file_for(320)));
    let shown = decoded(&stranger, &format!("/media/{}", cover.file_for(400)));
    assert_eq!((shown.dimensions(), shown.get_pixel(50, 150).0[3]), ((400, 300), 0));
}

both!(a_picture_is_brought_shown_changed_and_taken_away, |site| { the_whole_way(site) });

both!(
    it_is_the_same_with_a_bucket,
    [
        ("media.backend", if s3().is_some() { "s3" } else { "local" }),
        ("media.s3.bucket", "chaupal"),
        ("media.s3.access_key", "chaupal-key"),
        ("media.s3.secret_key", "chaupal-secret"),
        ("media.s3.endpoint", s3().and_then(|s3| s3.endpoint).unwrap_or("http://127.0.0.1:1".into())),
        ("media.s3.prefix", s3().map_or("it".into(), |s3| s3.prefix)),
    ],
    |site| {
        the_whole_way(site);
        assert_eq!(site.folder().join("media").exists(), s3().is_none(), "nothing is kept in the folder");
    }
);

/// The same bytes with a note of which way up they are, where they were taken, and a script.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"GPS 26.9124 N <script>alert(1)</script>");
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

both!(what_is_not_picture_is_dropped, |site| {
    let asha = site.person("asha");
    let mut bytes = with_exif(&photograph(640, 320, 90), 6);
    bytes.extend(b"<html><script>alert(2)</script></html>");
    let made = asha.bring("/projects/new", &[("title", "Loom")], &bytes);
    made.status(303);
    let cover = Picture::parse(&site.text("SELECT featured_image FROM projects")).unwrap();
    assert_eq!((cover.width, cover.height), (320, 640), "it stands upright");
    let served = asha.open(Request::new("GET", &format!("/media/{}", cover.file_for(320)))).bytes();
    let turned = image::load_from_memory(&served).unwrap();
    // A quarter to the right: what was on the left is above.
    assert!(turned.get_pixel(160, 100).0[0] > 150 && turned.get_pixel(160, 540).0[2] > 150);
    for part in [&b"Exif"[..], b"GPS", b"script", b"26.9"] {
        assert!(!served.windows(part.len()).any(|window| window == part), "{}", String::from_utf8_lossy(part));
    }
});

/// A PNG whose head says that it is this large, and which holds next to nothing.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut head = width.to_be_bytes().to_vec();
    head.extend(height.to_be_bytes());
    head.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", head.as_slice()), (b"IDAT", b"\x78\x9c\x03\0\0\0\0\x01"), (b"IEND", b"")] {
        let chunk = [kind.as_slice(), content].concat();
        let crc = chunk.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(chunk);
        bytes.extend((!crc).to_be_bytes());
    }
    bytes
}

both!(what_is_no_picture_is_refused_at_its_field, |site| {
    let asha = site.person("asha");
    let good = photograph(300, 200, 5);
    let png = drawing();
    let unreadable = words("error-picture-unreadable");
    let many = says(Text::new("error-picture-pixels").with("max", 24_i64));
    let mut broken_middle = png.clone();
    let middle = broken_middle.len() / 2;
    broken_middle[middle..middle + 20].fill(0xff);
    let corpus: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a script", b"<html><script>alert(1)</script></html>".to_vec(), &unreadable),
        ("an SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(), &unreadable),
        ("a head alone", good[..200].to_vec(), &unreadable),
        ("a photograph that breaks off", good[..good.len() * 2 / 3].to_vec(), &unreadable),
        ("two bytes", b"\xff\xd8".to_vec(), &unreadable),
        ("a PNG without an end", png[..png.len() / 2].to_vec(), &unreadable),
        ("a PNG broken inside", broken_middle, &unreadable),
        ("a GIF by its first letters", b"GIF89a<script>alert(1)</script>".to_vec(), &many),
        ("a bomb", bomb(50_000, 50_000), &many),
        ("the largest bomb", bomb(0x7fff_ffff, 0x7fff_ffff), &many),
        ("nothing by nothing", bomb(0, 0), &unreadable),
        ("a TIFF", b"II*\0\x08\0\0\0\0\0\0\0\0\0\0\0".to_vec(), &unreadable),
        ("a BMP", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), &unreadable),
        ("zeros", vec![0; 5000], &unreadable),
    ];
    for (what, bytes, error) in corpus {
        let page = bring(&asha, &bytes);
        assert_eq!(page.status, 422, "{what}");
        assert!(page.body.contains(&crate::support::http::escaped(error)), "{what}: {page:?}");
        page.see("I weave.").hold("id=\"picture-error\"").hold("aria-describedby=\"picture-error picture-help\"");
        assert_eq!(picture_of(site, &asha), None, "{what}");
    }
    assert_eq!(site.number("SELECT count(*) FROM pictures"), 0, "nothing of it is kept");
    // Both errors at once, and the picture that is fine waits for the next try.
    let fields = [("name", "x".repeat(200)), ("bio", "I weave.".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = asha.bring("/account/edit", &fields, &good);
    page.status(422).see_not(&unreadable);
    let kept = page.field("picture_kept").unwrap();
    assert!(Picture::parse(&kept).is_some(), "{kept}");
    page.hold(&inside("/media/avatar/"));
    asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", &kept)]).leads_to("/developers/asha");
    assert_eq!(picture_of(site, &asha).unwrap().to_string(), kept);
});

both!(odd_names_of_files_name_nothing, |site| {
    let asha = site.person("asha");
    let token = asha.token();
    for name in [
        "../../etc/passwd",
        "a\0b.jpg",
        "con",
        "x.php",
        "<b>.svg",
        "ä/ö.png",
        ".htaccess",
        "a\\b.jpg",
        &"n".repeat(3000),
    ] {
        let fields = [("csrf_token", token.as_str()), ("name", "Asha")];
        let bytes = photograph(90, 90, u8::try_from(name.len() % 200).unwrap());
        let sent = asha.send(Request::new("POST", "/account/edit").multipart(&fields, ("picture", name, &bytes)));
        // What cannot be a header is no form.
        assert_eq!(sent.status, if name.contains('\0') { 400 } else { 303 }, "{name:?}");
        assert!(picture_of(site, &asha).is_some());
    }
    let media = site.folder().join("media");
    let mut folders = vec![media];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                assert!(name == "avatar" || name == ".under-way", "{name}");
                folders.push(path);
            } else {
                let (hash, rest) = name.split_once('-').unwrap();
                assert!(hash.len() == 32 && rest.ends_with(".jpg"), "{name}");
            }
        }
    }
});

both!(a_file_that_is_too_large_is_refused_and_the_words_stay, [("media.max_bytes", "100000")], |site| {
    let asha = site.person("asha");
    let error = says(Text::new("error-picture-size").with("max", "97 kB"));
    for size in [100_001, 350_000, 3_000_000] {
        let page = bring(&asha, &vec![7; size]);
        page.status(422).see(&error).see("I weave.");
    }
    let page = asha.bring("/account/edit", &NAMES, &vec![0; 100_000]);
    page.status(422).see(&words("error-picture-unreadable"));
    // Words have a limit of their own.
    let long = "x".repeat(300 * 1024);
    asha.bring("/account/edit", &[("bio", &long)], b"").status(413);
    let many: Vec<(&str, &str)> = vec![("a", ""); 20_000];
    asha.bring("/account/edit", &many, b"").status(413);
    assert_eq!(std::fs::read_dir(site.folder().join("uploads")).unwrap().count(), 0, "nothing is left behind");
});

both!(words_beside_a_file_come_back_after_the_login, |site| {
    let asha = site.person("asha");
    site.sql("DELETE FROM sessions");
    let mut file = vec![b'x'; 1_000_000];
    file.extend(b"\r\n------a-boundary-7\r\nContent-Disposition: form-data; name=\"bio\"\r\n\r\nand after it");
    asha.bring("/account/edit", &[("short_intro", "before the file")], &file).leads_to_login();
    asha.log_in("asha", PASSWORD).leads_to("/");
    asha.get("/account/edit").status(200).see("before the file").see("and after it");
});

both!(file_with_a_name_of_any_kind_is_taken_as_a_file, |site| {
    let asha = site.person("asha");
    for disposition in [&b"filename*=UTF-8''%E0%A4%95.jpg"[..], b"filename=\"caf\xe9.jpg\""] {
        let mut body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAsha\r\n\
             --b\r\nContent-Disposition: form-data; name=\"picture\"; ",
            asha.token()
        )
        .into_bytes();
        body.extend(disposition);
        body.extend(b"\r\n\r\nno picture\r\n--b--\r\n");
        let request = Request::new("POST", "/account/edit").content("multipart/form-data; boundary=b", &body);
        asha.send(request).status(422).see(&words("error-picture-unreadable"));
    }
});

both!(an_endless_body_is_cut_off, [("media.max_bytes", "100000")], |site| {
    let asha = site.person("asha");
    let token = asha.token();
    let mut socket = TcpStream::connect(("127.0.0.1", site.port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST /account/edit HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        asha.jar.line().unwrap()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let start = format!(
        "--b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a\"\r\n\r\n"
    );
    socket.write_all(format!("{:x}\r\n{start}\r\n", start.len()).as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let sent = (0..2000).take_while(|_| socket.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 2000, "a hundred megabytes were taken");
    let mut answer = String::new();
    // The connection is cut with words of ours under way: what came before counts.
    let _ = socket.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 422"), "{}", &answer[..answer.len().min(200)]);
    asha.get("/account/edit").status(200);
});

both!(a_script_brings_a_picture_ahead_of_its_form, |site| {
    let asha = site.person("asha");
    let token = asha.token();
    let send = |person: &Person<'_>, fields: &[(&str, &str)], bytes: &[u8]| {
        let request = Request::new("POST", "/pictures").multipart(fields, ("picture", "a.jpg", bytes));
        person.send(request.header("Accept", "application/json"))
    };
    let fields = [("csrf_token", token.as_str()), ("shape", "avatar")];
    let answer = send(&asha, &fields, &photograph(300, 300, 1));
    let told = answer.status(201).json();
    let name = told["name"].as_str().unwrap();
    assert!(told["src"].as_str().unwrap().starts_with("/media/avatar/"));
    asha.get(told["src"].as_str().unwrap()).status(200);
    asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", name)]).leads_to("/developers/asha");
    assert_eq!(picture_of(site, &asha).unwrap().to_string(), name);

    let refused = send(&asha, &fields, b"<svg/>");
    assert_eq!(refused.status(422).json()["errors"]["picture"][0], words("error-picture-unreadable"));
    assert_eq!(send(&asha, &fields, b"").status(422).json()["errors"]["picture"][0], words("error-required"));
    send(&asha, &[("csrf_token", &token), ("shape", "poster")], &photograph(9, 9, 1)).status(400);
    send(&asha, &[("shape", "avatar")], &photograph(9, 9, 1)).status(403);
    send(&site.anonymous(), &[("shape", "avatar")], b"x").status(401);
    // A token behind the file is none.
    let mut late = b"x\r\n------a-boundary-7\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n".to_vec();
    late.extend(token.as_bytes());
    send(&asha, &[("shape", "avatar")], &late).status(403);
});

both!(pictures_come_no_faster_than_the_site_allows, [("throttle.upload", "2/h")], |site| {
    let asha = site.person("asha");
    for shade in [1, 2] {
        bring(&asha, &photograph(90, 90, shade)).status(303);
    }
    let slowed = bring(&asha, &photograph(90, 90, 3));
    slowed.status(429).see("I weave.");
    assert!(slowed.header("Retry-After").is_some());
    asha.post("/account/edit", &[("name", "Asha")]).status(303);
});

both!(a_picture_of_nobody_cannot_be_chosen, |site| {
    let asha = site.person("asha");
    let name = "avatar/0123456789abcdef0123456789abcdef-256x256.jpg";
    let page = asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", name)]);
    page.status(422).see(&words("error-picture-gone"));
    for odd in ["../../etc/passwd", "avatar/x", "http://elsewhere.example/a.jpg"] {
        asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", odd)]).status(303);
        assert_eq!(picture_of(site, &asha), None);
    }
    let project = site.project(&asha, "Loom", &[]);
    let ravi = site.person("ravi");
    ravi.bring(&format!("/projects/{project}/edit"), &[("title", "Mine")], &photograph(90, 90, 1)).status(403);
    site.anonymous().get(&format!("/projects/{project}/edit")).leads_to_login();
});

both!(what_was_typed_beside_a_picture_outlives_a_session, |site| {
    let stranger = site.anonymous();
    let told = stranger.bring("/projects/new", &[("title", "Loom of my aunt")], &photograph(90, 90, 1));
    told.leads_to_login();
    site.person("asha");
    stranger.log_in("asha", crate::support::PASSWORD).status(303);
    stranger.get("/projects/new").see("Loom of my aunt");
});

both!(files_are_served_as_browsers_ask, |site| {
    let asha = site.person("asha");
    bring(&asha, &photograph(600, 600, 90)).status(303);
    let url = format!("/media/{}", picture_of(site, &asha).unwrap().file_for(256));
    let stranger = site.anonymous();
    let ask = |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(Request::new("GET", &url), |r, (name, value)| r.header(name, value));
        stranger.open(request)
    };
    let whole = ask(&[]);
    let head = |name: &str| whole.header(name).unwrap_or_default().to_owned();
    let (length, etag) = (head("Content-Length"), head("ETag"));
    assert_eq!(head("Content-Type"), "image/jpeg");
    assert_eq!(head("Cache-Control"), "public, max-age=31536000, immutable");
    assert_eq!(head("X-Content-Type-Options"), "nosniff");
    let bytes = whole.bytes();
    assert_eq!(bytes.len().to_string(), length);

    assert_eq!(ask(&[("If-None-Match", &etag)]).status, 304);
    let part = ask(&[("Range", "bytes=10-19")]);
    assert_eq!(part.status, 206);
    assert_eq!(part.header("Content-Range"), Some(format!("bytes 10-19/{length}").as_str()));
    assert_eq!(part.bytes(), bytes[10..20]);
    assert_eq!(ask(&[("Range", "bytes=-5")]).bytes(), bytes[bytes.len() - 5..]);
    assert_eq!(ask(&[("Range", "bytes=10-19"), ("If-Range", &etag)]).status, 206);
    assert_eq!(ask(&[("Range", "bytes=10-19"), ("If-Range", "\"old\"")]).bytes(), bytes);
    let outside = ask(&[("Range", "bytes=9999999-")]);
    assert_eq!((outside.status, outside.header("Content-Range")), (416, Some(format!("bytes */{length}").as_str())));
    let head = stranger.open(Request::new("HEAD", &url));
    assert_eq!((head.status, head.header("Content-Length")), (200, Some(length.as_str())));
    assert_eq!(head.bytes(), b"");

    std::fs::write(site.folder().join("media/avatar/secret.txt"), "x").unwrap();
    for lost in [
        "/media/",
        "/media/avatar",
        "/media/avatar/secret.txt",
        "/media/../chaupal.db",
        "/media/%2e%2e/chaupal.db",
        "/media/avatar/..%2f..%2fchaupal.db",
        "/media/.under-way/x.jpg",
        "/media/avatar/0-64.jpg",
        "/media/initials/99/A.svg",
        "/media/initials/1/%3Cscript%3E.svg",
        "/media/initials/1/ABCDE.svg",
    ] {
        stranger.get(lost).status(404);
    }
    let drawn = stranger.get("/media/initials/3/AR.svg");
    drawn.status(200).hold(">AR</text>");
    assert_eq!(drawn.header("Content-Type"), Some("image/svg+xml"));
});

both!(members_pictures_are_members_business, [("site.access", "members")], |site| {
    let asha = site.person("asha");
    bring(&asha, &photograph(600, 600, 90)).status(303);
    let url = format!("/media/{}", picture_of(site, &asha).unwrap().file_for(256));
    site.anonymous().get(&url).leads_to_login();
    let own = asha.get(&url);
    assert_eq!(own.status(200).header("Cache-Control"), Some("private, max-age=31536000, immutable"));
});

both!(what_nothing_points_at_goes_after_a_day, |site| {
    let asha = site.person("asha");
    bring(&asha, &photograph(90, 90, 1)).status(303);
    let used = picture_of(site, &asha).unwrap();
    let waiting = asha.bring("/account/edit", &[("name", &"x".repeat(200))], &photograph(90, 90, 2));
    let waiting = Picture::parse(&waiting.status(422).field("picture_kept").unwrap()).unwrap();
    let day_passes =
        || site.sql("UPDATE pictures SET unused_since = '2020-01-01 00:00:00' WHERE unused_since IS NOT NULL");
    let doomed = || site.db(shelf::doom).unwrap();
    assert_eq!(doomed(), [], "not yet");
    day_passes();
    assert_eq!(doomed(), std::slice::from_ref(&waiting), "what is in use stays");
    assert_eq!(doomed(), [], "one sweep has it; another one leaves it alone");

    // It is neither chosen nor brought again while it goes.
    let page = asha.post("/account/edit", &[("name", "Asha"), ("picture_kept", &waiting.to_string())]);
    page.status(422).see(&words("error-picture-gone"));
    let page = bring(&asha, &photograph(90, 90, 2));
    page.status(422).see(&words("error-picture-not-kept"));
    site.db(|conn| shelf::forget(conn, &waiting)).unwrap();
    bring(&asha, &photograph(90, 90, 2)).status(303);

    // The first one is not used any more, but was until just now.
    day_passes();
    assert_eq!(doomed(), []);
    day_passes();
    assert_eq!(doomed(), [used]);
    let refused = site.db(|conn| {
        diesel::RunQueryDsl::execute(diesel::sql_query(format!("DELETE FROM pictures WHERE name = '{waiting}'")), conn)
    });
    assert!(refused.is_err(), "the database keeps what is in use");
});

both!(pictures_are_taken_along, |site| {
    let asha = site.person("asha");
    bring(&asha, &photograph(300, 300, 1)).status(303);
    for title in ["Loom", "Another loom"] {
        asha.bring("/projects/new", &[("title", title), ("picture_kept", "")], &drawing()).status(303);
    }
    let export = || {
        let token = asha.token();
        let opened = asha.open(Request::new("POST", "/account/export").form(&[("csrf_token", &token)]));
        assert_eq!(opened.status, 200);
        zip::ZipArchive::new(Cursor::new(opened.bytes())).unwrap()
    };
    let mut zip = export();
    let mut read = |name: &str| {
        let mut content = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut content).unwrap();
        content
    };
    let account: serde_json::Value = serde_json::from_slice(&read("account.json")).unwrap();
    let projects: serde_json::Value = serde_json::from_slice(&read("projects.json")).unwrap();
    assert_eq!(projects[0]["picture"], projects[1]["picture"], "the same content is one file");
    let (face, cover) = (account["picture"].as_str().unwrap(), projects[0]["picture"].as_str().unwrap());
    assert_eq!(image::load_from_memory(&read(face)).unwrap().dimensions(), (256, 256));
    assert_eq!(image::load_from_memory(&read(cover)).unwrap().dimensions(), (400, 300));
    // What the storage lost is not there; all else is.
    let lost = chaupal::kit::storage::Name::new(face).unwrap();
    std::fs::remove_file(site.folder().join("media").join(lost.as_str())).unwrap();
    let mut zip = export();
    assert!(zip.by_name(face).is_err());
    assert!(zip.by_name(cover).is_ok() && zip.by_name("rooms.json").is_ok());
});
