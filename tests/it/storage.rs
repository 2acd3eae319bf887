//! What a storage promises, kept by the folder and by the bucket alike; and what happens when a server does not play along.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chaupal::kit::config::{MediaS3, Secret};
use chaupal::kit::db::Target;
use chaupal::kit::storage::{Local, Name, S3, Storage, StorageError};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::{Backend, Site, program, s3};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    rocket::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn trouble<T>(answer: Result<T, StorageError>) -> String {
    match answer {
        Err(StorageError::Trouble(words)) => words,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went well"),
    }
}

async fn contract(storage: &dyn Storage) {
    let (one, two, empty) = (name("avatar/aa-64.jpg"), name("cover/bb-1280.webp"), name("cover/empty"));
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 31 % 251) as u8).collect();
    assert_eq!(storage.list().await.unwrap(), []);
    assert_eq!(storage.size(&one).await.unwrap(), None);
    assert!(matches!(storage.get(&one, None).await, Err(StorageError::NotFound)));
    storage.delete(&one).await.expect("what is not there is gone");

    storage.put(&one, b"hello, square").await.unwrap();
    storage.put(&two, &large).await.unwrap();
    storage.put(&empty, b"").await.unwrap();
    assert_eq!(storage.size(&one).await.unwrap(), Some(13));
    assert_eq!(storage.size(&two).await.unwrap(), Some(3_000_000));
    assert_eq!(storage.size(&empty).await.unwrap(), Some(0));
    assert_eq!(storage.list().await.unwrap(), [(one.clone(), 13), (two.clone(), 3_000_000), (empty.clone(), 0)]);
    assert_eq!(storage.get(&one, None).await.unwrap().bytes().await.unwrap(), b"hello, square");
    assert!(storage.get(&two, None).await.unwrap().bytes().await.unwrap() == large);
    assert_eq!(storage.get(&empty, None).await.unwrap().bytes().await.unwrap(), b"");

    for range in [0..1, 0..13, 7..13, 12..13, 5..5] {
        let part = storage.get(&one, Some(range.clone())).await.unwrap();
        assert_eq!(part.size, 13, "of the whole");
        let expected = &b"hello, square"[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert_eq!(part.bytes().await.unwrap(), expected, "{range:?}");
    }
    let part = storage.get(&two, Some(1_000_000..2_500_000)).await.unwrap().bytes().await.unwrap();
    assert!(part == large[1_000_000..2_500_000]);

    storage.put(&one, b"again").await.expect("twice is fine");
    assert_eq!(storage.get(&one, None).await.unwrap().bytes().await.unwrap(), b"again");

    // Whoever is reading reads to the end.
    let open = storage.get(&two, None).await.unwrap();
    storage.delete(&two).await.unwrap();
    assert!(open.bytes().await.unwrap() == large);
    assert_eq!(storage.size(&two).await.unwrap(), None);
    assert!(matches!(storage.get(&two, None).await, Err(StorageError::NotFound)));
    storage.delete(&two).await.unwrap();
    storage.delete(&one).await.unwrap();
    storage.delete(&empty).await.unwrap();
    assert_eq!(storage.list().await.unwrap(), []);
}

#[test]
fn a_folder_keeps_the_promises() {
    let folder = TempDir::new().unwrap();
    let local = Local::open(&folder.path().join("media")).unwrap();
    run(contract(&local));
}

#[test]
fn a_bucket_keeps_the_promises() {
    let Some(settings) = s3() else { return };
    run(contract(&S3::open(&settings).unwrap()));
    let mut at_the_root = settings;
    at_the_root.prefix = format!("/{}/deeper/", at_the_root.prefix);
    run(contract(&S3::open(&at_the_root).unwrap()));
}

#[test]
fn many_at_once_are_each_whole() {
    let folder = TempDir::new().unwrap();
    let mut storages: Vec<Arc<dyn Storage>> = vec![Arc::new(Local::open(folder.path()).unwrap())];
    storages.extend(s3().map(|settings| Arc::new(S3::open(&settings).unwrap()) as Arc<dyn Storage>));
    for storage in storages {
        let contents: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 100_000 + usize::from(n)]).collect();
        run(async {
            let same = name("race/same");
            let puts = contents.iter().map(|content| storage.put(&same, content));
            for put in rocket::futures::future::join_all(puts).await {
                put.unwrap();
            }
            let kept = storage.get(&same, None).await.unwrap().bytes().await.unwrap();
            assert!(contents.contains(&kept), "one of them, whole");
            storage.delete(&same).await.unwrap();
        });
    }
}

#[test]
fn a_folder_shows_nothing_half_written_and_nothing_of_others() {
    let folder = TempDir::new().unwrap();
    let local = Local::open(folder.path()).unwrap();
    std::fs::write(folder.path().join("Notes of mine.txt"), "mine").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::write(folder.path().join(".under-way/half"), "ha").unwrap();
    run(async {
        assert_eq!(local.list().await.unwrap(), []);
        assert_eq!(local.size(&name("empty")).await.unwrap(), None, "a folder is no object");
        assert!(local.get(&name("empty"), None).await.is_err());
        local.put(&name("a/b"), b"x").await.unwrap();
        // A file in the way of a folder, as when somebody else writes there.
        assert!(trouble(local.put(&name("a/b/c"), b"x").await).contains("cannot be written"));
        assert_eq!(local.size(&name("a/b/c")).await.unwrap(), None);
        local.delete(&name("a/b/c")).await.unwrap();
    });
    assert!(Local::open(&folder.path().join("a/b")).err().unwrap().contains("cannot be written"));
}

/// A server that gives these answers, one to each connection, then none at all.
fn server(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = answers.next() else {
                silent.push(stream);
                continue;
            };
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let mut request = [0; 65536];
            // The head and a short body come together.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://127.0.0.1:{port}")
}

fn at(endpoint: String) -> S3 {
    let settings = MediaS3 {
        bucket: "chaupal".into(),
        access_key: "key".into(),
        secret_key: Some(Secret::from("secret")),
        endpoint: Some(endpoint),
        ..MediaS3::default()
    };
    S3::open(&settings).unwrap().with_timeout(Duration::from_secs(2))
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Internal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NO_BUCKET: &str =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 39\r\nConnection: close\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>";
const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this";

#[test]
fn a_put_that_was_refused_was_not_kept() {
    let one = name("a");
    let told = trouble(run(at(server(&[REFUSED])).put(&one, b"x")));
    assert!(told.contains("may not do this") && told.contains("403"), "{told}");
    let told = trouble(run(at(server(&[NO_BUCKET])).put(&one, b"x")));
    assert!(told.contains("no such bucket"), "{told}");
    let told = trouble(run(at(server(&[BUSY, BROKEN, BUSY])).put(&one, b"x")));
    assert!(told.contains("busy"), "{told}");
}

#[test]
fn who_is_busy_is_asked_again() {
    run(at(server(&[BUSY, OK])).put(&name("a"), b"x")).unwrap();
    run(at(server(&[BROKEN, BUSY, OK])).delete(&name("a"))).unwrap();
    assert_eq!(run(at(server(&[BUSY, OK])).size(&name("a"))).unwrap(), Some(0));
}

#[test]
fn who_hangs_or_is_gone_is_given_up() {
    let told = trouble(run(at(server(&[])).put(&name("a"), b"x")));
    assert!(told.contains("takes too long"), "{told}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let told = trouble(run(at(format!("http://127.0.0.1:{nobody}")).size(&name("a"))));
    assert!(told.contains("cannot be reached"), "{told}");
    // Speaks no TLS.
    let endpoint = server(&[REFUSED, REFUSED, REFUSED]).replace("http:", "https:");
    let told = trouble(run(at(endpoint).size(&name("a"))));
    assert!(told.contains("TLS failed"), "{told}");
}

#[test]
fn what_breaks_off_is_no_object() {
    let s3 = at(server(&[CUT]));
    let object = run(async { s3.get(&name("a"), None).await.unwrap().bytes().await });
    assert!(object.is_err());
}

/// An answer that refuses with this status, code and message.
fn refusal(status: u16, code: &str, message: &str) -> &'static str {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let head = format!("HTTP/1.1 {status} No\r\nContent-Length: {}\r\nConnection: close", body.len());
    format!("{head}\r\n\r\n{body}").leak()
}

fn answers(answers: &[&'static str]) -> S3 {
    at(server(answers.to_vec().leak()))
}

#[test]
fn size_without_a_length_in_the_head_comes_from_get() {
    const BARE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    assert_eq!(run(at(server(&[BARE, HELLO])).size(&name("a"))).unwrap(), Some(5));
    // Its length is nowhere: an image would be sent as an empty one.
    let told = trouble(run(at(server(&[BARE])).get(&name("a"), None)));
    assert!(told.contains("does not say how large its objects are"), "{told}");
    let told = trouble(run(at(server(&[HELLO])).get(&name("a"), Some(1..3))));
    assert!(told.contains("does not serve parts"), "{told}");
}

#[test]
fn size_refused_without_a_body_is_explained_by_get() {
    for (answer, words) in [
        (refusal(403, "SignatureDoesNotMatch", "x"), "media.s3.secret_key is wrong"),
        (refusal(403, "InvalidAccessKeyId", "x"), "does not know media.s3.access_key"),
        (refusal(403, "RequestTimeTooSkewed", "x"), "clock differs"),
        (refusal(404, "NoSuchBucket", "x"), "no such bucket"),
    ] {
        let told = trouble(run(answers(&[REFUSED, answer]).size(&name("a"))));
        assert!(told.contains(words), "{told}");
    }
    let missing = refusal(404, "NoSuchKey", "gone");
    assert_eq!(run(answers(&[REFUSED, missing]).size(&name("a"))).unwrap(), None);
    let denied = refusal(403, "AccessDenied", "Access Denied");
    let hidden = run(answers(&[REFUSED, denied]).size(&name("a")));
    assert!(matches!(hidden, Err(StorageError::Forbidden(_))), "missing or not to be read: {hidden:?}");
}

#[test]
fn check_finds_what_is_wrong_with_a_bucket() {
    for (answer, words) in [
        (refusal(404, "NoSuchBucket", "x"), "no such bucket"),
        (refusal(403, "SignatureDoesNotMatch", "x"), "media.s3.secret_key is wrong"),
        (refusal(400, "AuthorizationHeaderMalformed", "x"), "another region"),
        (refusal(403, "RequestTimeTooSkewed", "x"), "clock differs"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html>welcome",
            "is media.s3.endpoint an S3 server?",
        ),
    ] {
        let told = trouble(run(answers(&[answer]).check()));
        assert!(told.contains(words), "{told}");
    }
    let denied = run(answers(&[refusal(403, "AccessDenied", "Access Denied")]).check());
    assert!(matches!(denied, Err(StorageError::Forbidden(_))), "{denied:?}");
    let Some(settings) = s3() else { return };
    run(S3::open(&settings).unwrap().check()).unwrap();
}

#[test]
fn redirect_of_a_bucket_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/evil.jpg\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let told = trouble(run(answers(&[answer.leak()]).get(&name("a"), None)));
    assert!(told.contains("redirects to another address"), "{told}");
    assert!(elsewhere.accept().is_err(), "nobody asked the other server");
}

#[test]
fn error_without_an_end_is_cut_off_and_shown_as_plain_text() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 65536]);
                let head = "HTTP/1.1 400 Bad\r\n\r\n<Error><Code>Odd</Code><Message>\u{1b}[31mred\u{202e}der</Message>";
                let _ = stream.write_all(head.as_bytes());
                // Until the other side has enough: 50 MB at most.
                for _ in 0..5_000 {
                    if stream.write_all(&[b'x'; 10_000]).is_err() {
                        return;
                    }
                }
                panic!("all of it was read");
            });
        }
    });
    let told = trouble(run(at(endpoint).put(&name("a"), b"x")));
    assert!(told.contains("\"[31mredder\""), "{told:?}");
}

#[test]
fn image_that_the_bucket_hides_is_404_and_a_busy_bucket_503() {
    let denied = refusal(403, "AccessDenied", "Access Denied");
    let endpoint = server(vec![denied, BUSY, BUSY, BUSY].leak());
    let s3 = [("backend", "s3"), ("s3.bucket", "chaupal"), ("s3.access_key", "key"), ("s3.secret_key", "secret")];
    let mut settings: Vec<(&str, String)> = Vec::new();
    for (key, value) in s3 {
        settings.push((format!("media.{key}").leak(), format!("{value:?}")));
    }
    settings.push(("media.s3.endpoint", format!("{endpoint:?}")));
    let site = Site::start(Backend::Sqlite, &settings);
    let path = "/media/avatar/0123456789abcdef0123456789abcdef-64.jpg";
    site.anonymous().get(path).status(404);
    site.anonymous().get(path).status(503);
}

#[test]
fn a_wrong_key_is_told() {
    let Some(mut settings) = s3() else { return };
    settings.secret_key = Some(Secret::from("wrong"));
    let told = trouble(run(S3::open(&settings).unwrap().put(&name("a"), b"x")));
    assert!(told.contains("media.s3.secret_key is wrong"), "{told}");
    let Some(mut settings) = s3() else { return };
    settings.access_key = "nobody".into();
    let told = trouble(run(S3::open(&settings).unwrap().put(&name("a"), b"x")));
    assert!(told.contains("media.s3.access_key"), "{told}");
}

#[test]
fn the_command_moves_all_and_begins_where_it_broke_off() {
    let Some(bucket) = s3() else { return };
    let folder = TempDir::new().unwrap();
    let media = folder.path().join("pictures");
    let env = [
        ("CHAUPAL_MEDIA__ROOT", media.to_string_lossy().into_owned()),
        ("CHAUPAL_MEDIA__S3__BUCKET", bucket.bucket.clone()),
        ("CHAUPAL_MEDIA__S3__ENDPOINT", bucket.endpoint.clone().unwrap()),
        ("CHAUPAL_MEDIA__S3__ACCESS_KEY", bucket.access_key.clone()),
        ("CHAUPAL_MEDIA__S3__SECRET_KEY", "chaupal-secret".to_owned()),
        ("CHAUPAL_MEDIA__S3__PREFIX", bucket.prefix.clone()),
    ];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let command = |args: &[&str]| program::run(folder.path(), args, &env);
    command(&["migrate"]).done();
    let (local, s3) = (Local::open(&media).unwrap(), S3::open(&bucket).unwrap());
    run(async {
        for (one, content) in [("avatar/a-64.jpg", b"a".as_slice()), ("avatar/b-64.jpg", b"bb"), ("cover/c", b"ccc")] {
            local.put(&name(one), content).await.unwrap();
        }
        // One came over before, another one broken.
        s3.put(&name("avatar/a-64.jpg"), b"a").await.unwrap();
        s3.put(&name("avatar/b-64.jpg"), b"bX").await.unwrap();
    });
    assert!(command(&["storage", "migrate", "--to", "s3"]).out.contains("2 files were copied, 1 were there already"));
    run(async {
        let there = s3.get(&name("avatar/b-64.jpg"), None).await.unwrap();
        assert_eq!(there.bytes().await.unwrap(), b"bb");
    });
    assert!(command(&["storage", "migrate", "--to", "s3"]).out.contains("0 files were copied, 3 were there already"));
    std::fs::remove_dir_all(&media).unwrap();
    assert!(command(&["storage", "migrate", "--to", "local"]).out.contains("3 files were copied"));
    assert_eq!(run(local.list()).unwrap(), run(s3.list()).unwrap());
    command(&["storage", "test"]).done();
    let missing = "avatar/0123456789abcdef0123456789abcdef-256x256.jpg";
    let mut conn = Target::parse(&format!("sqlite://{}", folder.path().join("data/chaupal.db").display()))
        .unwrap()
        .connect()
        .unwrap();
    conn.batch_execute(&format!("INSERT INTO pictures (name, created) VALUES ('{missing}', '2026-01-01 00:00:00')"))
        .unwrap();
    let told = command(&["storage", "migrate", "--to", "s3"]);
    told.one_line(1, &["3 files of pictures", "neither place"]);
}

// No name server knows the bucket's host; the server itself, taken for a proxy, is asked for it all the same.
#[test]
fn a_bucket_before_the_hosts_name_is_used_as_one_in_the_path() {
    let Some(bucket) = s3() else { return };
    let folder = TempDir::new().unwrap();
    let (media, proxy) = (folder.path().join("pictures"), bucket.endpoint.clone().unwrap());
    let by_name = proxy.replace("127.0.0.1", "s3.test");
    let env = [
        ("CHAUPAL_MEDIA__ROOT", media.to_str().unwrap()),
        ("CHAUPAL_MEDIA__BACKEND", "s3"),
        ("CHAUPAL_MEDIA__S3__BUCKET", &bucket.bucket),
        ("CHAUPAL_MEDIA__S3__ENDPOINT", &by_name),
        ("CHAUPAL_MEDIA__S3__PATH_STYLE", "false"),
        ("CHAUPAL_MEDIA__S3__ACCESS_KEY", &bucket.access_key),
        ("CHAUPAL_MEDIA__S3__SECRET_KEY", "chaupal-secret"),
        ("CHAUPAL_MEDIA__S3__PREFIX", &bucket.prefix),
        ("http_proxy", &proxy),
    ];
    let command = |args: &[&str]| program::run(folder.path(), args, &env);
    command(&["migrate"]).done();
    assert!(command(&["storage", "test"]).out.contains("the same"));
    let (local, by_path) = (Local::open(&media).unwrap(), S3::open(&bucket).unwrap());
    let large = vec![7; 2_000_000];
    run(async {
        local.put(&name("avatar/a-64.jpg"), b"a").await.unwrap();
        local.put(&name("cover/b-1280.jpg"), &large).await.unwrap();
    });
    assert!(command(&["storage", "migrate", "--to", "s3"]).out.contains("2 files were copied"));
    assert_eq!(run(by_path.list()).unwrap(), run(local.list()).unwrap());
    std::fs::remove_dir_all(&media).unwrap();
    assert!(command(&["storage", "migrate", "--to", "local"]).out.contains("2 files were copied"));
    assert!(run(async { local.get(&name("cover/b-1280.jpg"), None).await.unwrap().bytes().await.unwrap() }) == large);
}
