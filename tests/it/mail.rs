//! Letters: from the outbox to a mail server, whatever that server does.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::mail::{received, server, wait_for};
use crate::support::program::{Ended, run};
use crate::support::{PASSWORD, Site, says};
use chaupal::kit::i18n::Text;

/// A fact of the mail server as a setting; in the short run there is none, and the test does not go that far.
fn fact(name: &str) -> String {
    match server().map(|facts| facts[name].clone()) {
        Some(Value::String(text)) => format!("{text:?}"),
        Some(number) => number.to_string(),
        None if matches!(name, "ca" | "user" | "password") => "\"\"".into(),
        None => "1".into(),
    }
}

/// In the short run there is no server whose certificate could be checked.
fn security(wanted: &str) -> &str {
    if server().is_some() { wanted } else { "none" }
}

fn register(site: &Site, username: &str, email: &str) {
    let fields = [("username", username), ("email", email), ("password1", PASSWORD), ("password2", PASSWORD)];
    site.anonymous().post("/register", &fields).leads_to("/");
}

/// An address that no other test writes to.
fn address(site: &Site, beginning: &str) -> String {
    format!("{beginning}{:?}-{}@example.org", site.backend, site.port()).to_lowercase()
}

fn is_empty(site: &Site) -> Option<()> {
    (site.number("SELECT count(*) FROM outbox") == 0).then_some(())
}

/// Another welcome to asha.
fn again(site: &Site) {
    site.sql(
        "INSERT INTO outbox (kind, params, created, due, expires) SELECT 'welcome', '{\"user_id\":' || id || '}',
        date_joined, date_joined, '2999-01-01 00:00:00' FROM users WHERE username = 'asha'",
    );
}

both!(who_registers_gets_a_welcome, [("mail.backend", "file")], |site| {
    register(site, "asha", "Asha@example.org");
    let letter = &site.letters_to("Asha@example.org", 1)[0];
    assert_eq!(letter.subject, says(Text::new("mail-welcome-subject").with("site", "Test square")));
    assert!(letter.text.starts_with("Hello asha,") && letter.text.contains("http://127.0.0.1/"), "{}", letter.text);
    assert!(letter.raw.contains("From: \"Test square\" <square@example.org>"), "{}", letter.raw);
    // What a person calls himself is text, in either part; nobody is called so before his address is confirmed.
    site.sql("UPDATE users SET name = '<b>Ravi</b> & co' WHERE username = 'asha'");
    again(site);
    let letter = &site.letters_to("Asha@example.org", 2)[1];
    assert!(letter.text.starts_with("Hello asha,") && !letter.raw.contains("Ravi"), "{}", letter.text);
    site.sql("UPDATE users SET email_confirmed = date_joined WHERE username = 'asha'");
    again(site);
    let letter = &site.letters_to("Asha@example.org", 3)[2];
    assert!(letter.text.contains("<b>Ravi</b> & co"), "{}", letter.text);
    assert!(letter.html.contains("&lt;b&gt;Ravi") && !letter.html.contains("<b>"), "{}", letter.html);
});

both!(a_registration_that_fails_writes_nobody, [("mail.backend", "file")], |site| {
    register(site, "asha", "asha@example.org");
    let fields = [("username", "asha"), ("email", "b@example.org"), ("password1", PASSWORD), ("password2", PASSWORD)];
    site.anonymous().post("/register", &fields).status(422);
    site.letters_to("asha@example.org", 1);
    assert_eq!(site.letters().len(), 1);
});

both!(
    a_letter_goes_by_a_plain_server,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", "none"),
        ("mail.smtp.port", super::fact("plain"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        let to = address(site, "plain");
        register(site, "asha", &to);
        wait_for("the letter is gone", || is_empty(site));
        let mails = received(&to);
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!(mails[0]["from"], "square@example.org");
        assert_eq!(mails[0]["headers"]["auto-submitted"], "auto-generated");
        assert!(mails[0]["text"].as_str().unwrap().contains("Hello asha,"));
        assert!(mails[0]["html"].as_str().unwrap().contains("<html"));
    }
);

both!(
    a_letter_goes_by_starttls_with_a_log_in,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", super::security("starttls")),
        ("mail.smtp.port", super::fact("starttls")),
        ("mail.smtp.ca_file", super::fact("ca")),
        ("mail.smtp.username", super::fact("user")),
        ("mail.smtp.password", super::fact("password"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        let to = address(site, "starttls");
        register(site, "asha", &to);
        wait_for("the letter is gone", || is_empty(site));
        let mails = received(&to);
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!((&mails[0]["tls"], &mails[0]["user"]), (&Value::from(true), &Value::from("postman")));
    }
);

both!(
    a_letter_goes_by_tls_with_a_log_in,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", super::security("tls")),
        ("mail.smtp.port", super::fact("tls")),
        ("mail.smtp.ca_file", super::fact("ca")),
        ("mail.smtp.username", super::fact("user")),
        ("mail.smtp.password", super::fact("password"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        let to = address(site, "tls");
        register(site, "asha", &to);
        wait_for("the letter is gone", || is_empty(site));
        assert_eq!(received(&to).len(), 1);
    }
);

both!(
    a_refused_letter_is_given_up_and_seen,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", "none"),
        ("mail.smtp.port", super::fact("refusing"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        register(site, "asha", &address(site, "refused"));
        wait_for("it is given up", || {
            (site.number("SELECT count(*) FROM outbox WHERE given_up IS NOT NULL") == 1).then_some(())
        });
        assert_eq!(site.number("SELECT attempts FROM outbox"), 1, "a no for ever is not asked again");
        assert!(site.text("SELECT trouble FROM outbox").contains("no such mailbox"));
        assert!(site.person("asha").is_logged_in(), "the account is made all the same");
    }
);

both!(
    a_busy_server_is_tried_again_later,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", "none"),
        ("mail.smtp.port", super::fact("busy"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        let to = address(site, "busy");
        register(site, "asha", &to);
        wait_for("it was tried", || {
            (site.number("SELECT count(*) FROM outbox WHERE trouble <> ''") == 1).then_some(())
        });
        assert!(site.text("SELECT trouble FROM outbox").contains("come back later"));
        assert_eq!(site.number("SELECT count(*) FROM outbox WHERE due > created AND given_up IS NULL"), 1);
        assert!(received(&to).is_empty());
        // Its time comes; the server was started anew meanwhile.
        site.restart();
        site.sql("UPDATE outbox SET due = created");
        wait_for("it is sent", || is_empty(site));
        assert_eq!(received(&to).len(), 1);
    }
);

both!(
    a_hanging_server_breaks_no_page,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", "none"),
        ("mail.smtp.port", super::fact("hanging"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        let begun = Instant::now();
        register(site, "asha", &address(site, "hanging"));
        register(site, "ravi", &address(site, "hanging2"));
        site.anonymous().get("/topics").status(200);
        assert!(begun.elapsed() < Duration::from_secs(25), "a page waited for the letter, which is given 30 s");
        assert_eq!(site.number("SELECT count(*) FROM outbox"), 2, "they wait");
    }
);

both!(
    two_processes_send_each_letter_once,
    [
        ("mail.backend", "smtp"),
        ("mail.smtp.host", "localhost"),
        ("mail.smtp.security", "none"),
        ("mail.smtp.port", super::fact("plain"))
    ],
    |site| {
        if server().is_none() {
            return;
        }
        // Another server on the same database, as a second process would be.
        let other = site.twin();
        let to = address(site, "twice");
        register(site, "asha", &to);
        wait_for("the first is gone", || is_empty(site));
        for _ in 0..40 {
            site.sql("INSERT INTO outbox (kind, params, created, due, expires) SELECT 'welcome', '{\"user_id\":' || id || '}',
            date_joined, date_joined, '2999-01-01 00:00:00' FROM users WHERE username = 'asha'");
        }
        wait_for("all are gone", || is_empty(site));
        let mails = received(&to);
        assert_eq!(mails.len(), 41);
        let ids: std::collections::BTreeSet<String> =
            mails.iter().map(|mail| mail["headers"]["message-id"].to_string()).collect();
        assert_eq!(ids.len(), 41, "no letter went twice");
        drop(other);
    }
);

both!(a_letter_of_which_nobody_knows_or_too_old_is_given_up, [("mail.backend", "file")], |site| {
    site.sql(
        "INSERT INTO outbox (kind, params, created, due, expires) VALUES
        ('riddle', '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2999-01-02 00:00:00')",
    );
    wait_for("it was tried", || {
        (site.number("SELECT count(*) FROM outbox WHERE trouble LIKE '%riddle%' AND given_up IS NULL") == 1)
            .then_some(())
    });
    // Its time is over: it is not tried again, whether it could be sent or not, and that is seen.
    let asha = site.person("asha").id;
    site.sql("UPDATE outbox SET due = created, expires = '2026-01-02 00:00:00'");
    site.sql(&format!(
        "INSERT INTO outbox (kind, params, created, due, expires) VALUES
        ('welcome', '{{\"user_id\":{asha}}}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-02 00:00:00')"
    ));
    wait_for("both are given up", || {
        (site.number("SELECT count(*) FROM outbox WHERE given_up IS NOT NULL AND trouble LIKE 'its time was over%'")
            == 2)
            .then_some(())
    });
    assert!(site.letters().is_empty());
    assert!(site.text("SELECT trouble FROM outbox WHERE kind = 'riddle'").contains("riddle"), "and what was before");
    // For somebody who is gone there is nothing to write.
    site.sql(
        "INSERT INTO outbox (kind, params, created, due, expires) VALUES
        ('welcome', '{\"user_id\":99999}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2999-01-02 00:00:00')",
    );
    wait_for("it is gone", || (site.number("SELECT count(*) FROM outbox WHERE given_up IS NULL") == 0).then_some(()));
    assert!(site.letters().is_empty());
});

/// Runs the command with these settings; there is no database yet.
fn sendtestemail(folder: &std::path::Path, to: &str, env: &[(&str, String)]) -> Ended {
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(folder, &["--profile", "release", "sendtestemail", to], &env)
}

#[test]
fn sendtestemail_tells_what_the_server_says() {
    let folder = tempfile::tempdir().unwrap();
    sendtestemail(folder.path(), "asha@example.org", &[]).one_line(1, &["mail is not set up", "mail.backend"]);
    let console = [("CHAUPAL_MAIL__BACKEND", "console".to_owned())];
    sendtestemail(folder.path(), "asha@example.org", &console).one_line(1, &["mail.backend", "debug alone"]);
    let no_host = [("CHAUPAL_MAIL__BACKEND", "smtp".to_owned())];
    sendtestemail(folder.path(), "asha@example.org", &no_host).one_line(1, &["mail.smtp.host"]);
    let file = [("CHAUPAL_MAIL__BACKEND", "file".to_owned())];
    assert!(sendtestemail(folder.path(), "asha@example.org", &file).done().out.contains("data/mail"));
    sendtestemail(folder.path(), "nobody", &file).one_line(1, &["\"nobody\" is no e-mail address"]);
    let Some(facts) = server() else { return };
    let smtp = |port: &str, security: &str, more: &[(&'static str, String)]| {
        let mut env = vec![
            ("CHAUPAL_MAIL__BACKEND", "smtp".to_owned()),
            ("CHAUPAL_MAIL__FROM", "square@example.org".to_owned()),
            ("CHAUPAL_MAIL__SMTP__HOST", "localhost".to_owned()),
            ("CHAUPAL_MAIL__SMTP__PORT", facts[port].to_string()),
            ("CHAUPAL_MAIL__SMTP__SECURITY", security.to_owned()),
        ];
        env.extend(more.iter().cloned());
        env
    };
    let text = |name: &str| facts[name].as_str().unwrap().to_owned();
    let to = format!("command-{}@example.org", std::process::id());
    sendtestemail(folder.path(), &to, &smtp("plain", "none", &[])).done();
    assert_eq!(received(&to).len(), 1);
    let login = |password: &str| {
        [
            ("CHAUPAL_MAIL__SMTP__USERNAME", text("user")),
            ("CHAUPAL_MAIL__SMTP__PASSWORD", password.to_owned()),
            ("CHAUPAL_MAIL__SMTP__CA_FILE", text("ca")),
        ]
    };
    for (port, security) in [("starttls", "starttls"), ("tls", "tls")] {
        sendtestemail(folder.path(), &to, &smtp(port, security, &login(&text("password")))).done();
        sendtestemail(folder.path(), &to, &smtp(port, security, &login("wrong")))
            .one_line(1, &["does not take it", "535"]);
        // The certificate is of no authority that we know.
        let stranger = &login(&text("password"))[..2];
        sendtestemail(folder.path(), &to, &smtp(port, security, stranger))
            .one_line(1, &["does not take it", "certificate"]);
    }
    assert_eq!(received(&to).len(), 3);
    // A server that offers no TLS gets nothing.
    sendtestemail(folder.path(), &to, &smtp("plain", "starttls", &[])).one_line(1, &["does not take it", "TLS"]);
    sendtestemail(folder.path(), &to, &smtp("refusing", "none", &[])).one_line(1, &["550", "no such mailbox"]);
    let half = [("CHAUPAL_MAIL__SMTP__USERNAME", "postman".to_owned())];
    sendtestemail(folder.path(), &to, &smtp("plain", "none", &half)).one_line(1, &["mail.smtp.password"]);
    assert_eq!(received(&to).len(), 3);
}

#[test]
fn certificate_that_cannot_be_used_is_explained_in_a_sentence() {
    let Some(facts) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let to = format!("certificates-{}@example.org", std::process::id());
    let send = |name: &str, ca: &str| {
        let env = [
            ("CHAUPAL_MAIL__BACKEND", "smtp".to_owned()),
            ("CHAUPAL_MAIL__FROM", "square@example.org".to_owned()),
            ("CHAUPAL_MAIL__SMTP__HOST", "localhost".to_owned()),
            ("CHAUPAL_MAIL__SMTP__PORT", facts[name].to_string()),
            ("CHAUPAL_MAIL__SMTP__SECURITY", "tls".to_owned()),
            ("CHAUPAL_MAIL__SMTP__CA_FILE", facts[ca].as_str().unwrap().to_owned()),
        ];
        sendtestemail(folder.path(), &to, &env)
    };
    // Signed by itself, and no authority: trusted when it is in mail.smtp.ca_file.
    send("pinned", "pinned_ca").done();
    assert_eq!(received(&to).len(), 1);
    send("pinned", "ca").one_line(1, &["comes from an authority that is not known here", "mail.smtp.ca_file"]);
    send("selfsigned", "selfsigned_ca").one_line(1, &["an authority's own (CA:TRUE)", "CA:FALSE"]);
    send("version1", "ca").one_line(1, &["X.509 version 1", "needs version 3"]);
    send("sha512", "ca").one_line(1, &["signed in a way that is not supported", "ECDSA P-256 with SHA-256"]);
    assert_eq!(received(&to).len(), 1);
}

both!(letter_that_seems_too_old_after_a_doubtful_start_waits, [("mail.backend", "file")], |site| {
    let asha = site.person("asha").id;
    let (then, later) = ("'2001-01-01 00:00:00'", "'2001-01-02 00:00:00'");
    // The newest entry is old: nobody was here, or the clock runs ahead.
    site.sql(&format!("UPDATE sessions SET last_seen = {then}"));
    site.restart();
    site.sql(&format!(
        "INSERT INTO outbox (kind, params, created, due, expires) VALUES
        ('welcome', '{{\"user_id\":{asha}}}', {then}, {then}, {later})"
    ));
    wait_for("it is postponed", || {
        (site.number(&format!("SELECT count(*) FROM outbox WHERE due > {later}")) == 1).then_some(())
    });
    assert_eq!(site.number("SELECT count(*) FROM outbox WHERE given_up IS NULL"), 1);
    assert!(site.letters().is_empty());
});

both!(letter_from_the_future_is_sent, [("mail.backend", "file")], |site| {
    let asha = site.person("asha").id;
    let future = "'2999-01-01 00:00:00'";
    site.sql(&format!(
        "INSERT INTO outbox (kind, params, created, due, claimed_until, expires) VALUES
        ('welcome', '{{\"user_id\":{asha}}}', {future}, {future}, {future}, '2999-01-02 00:00:00')"
    ));
    wait_for("it is sent", || (site.number("SELECT count(*) FROM outbox") == 0).then_some(()));
    assert_eq!(site.letters().len(), 1);
});
