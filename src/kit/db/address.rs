//! The address of a PostgreSQL server, as operators write it and as libpq reads it.

use std::fmt::Write as _;

/// Time limits that libpq leaves open: a server that does not answer must not hold a request for minutes.
const LIMITS: [&str; 2] = ["connect_timeout=5", "tcp_user_timeout=10000"];

/// Returns `scheme://rest` with user and password encoded, and with time limits unless it sets its own.
///
/// Passwords are made by programs and pasted into addresses: an `@`, `/` or `%` in one must not change what the rest means.
pub(super) fn for_libpq(scheme: &str, rest: &str) -> String {
    let mut url = match rest.split_at_checked(login_length(rest)) {
        Some((login, place)) if !login.is_empty() => {
            let login = match login.split_once(':') {
                Some((user, password)) => format!("{}:{}", encode(user), encode(password)),
                None => encode(login),
            };
            format!("{scheme}://{login}{place}")
        }
        _ => format!("{scheme}://{rest}"),
    };
    for limit in LIMITS {
        let name = limit.split('=').next().unwrap_or(limit);
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(limit);
        }
    }
    url
}

/// Returns the length of user and password: they end at the first `@` of a standard address, and at the last one if the
/// password holds characters that should have been encoded.
fn login_length(rest: &str) -> usize {
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, parameters) = tail.split_once('?').unwrap_or((tail, ""));
    let is_parameter = parameters.split('@').next().is_some_and(|before| before.contains('='));
    let is_standard = !path.contains('@') && (is_parameter || !parameters.contains('@'));
    let end = if is_standard { authority.rfind('@') } else { rest.rfind('@') };
    end.unwrap_or(0)
}

/// Encodes what may not stand in the login of an address. What is encoded already stays.
fn encode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let is_code =
            *byte == b'%' && bytes.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
        if is_code || byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            result.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(result, "%{byte:02X}");
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let url = for_libpq(scheme, rest);
        let (url, limits) = url.split_at(url.find("connect_timeout=5").unwrap() - 1);
        assert_eq!(limits.trim_start_matches(['?', '&']), "connect_timeout=5&tcp_user_timeout=10000");
        url.to_owned()
    }

    #[test]
    fn password_with_special_characters_is_encoded() {
        for (typed, meant) in [
            ("postgres://u:pa/ss@h/db", "postgres://u:pa%2Fss@h/db"),
            ("postgres://u:p@ss@h:5432/db", "postgres://u:p%40ss@h:5432/db"),
            ("postgresql://u:a?b@h/db", "postgresql://u:a%3Fb@h/db"),
            ("postgres://u:100%sure#1@h/db", "postgres://u:100%25sure%231@h/db"),
            ("postgres://u:é:x@h/db", "postgres://u:%C3%A9%3Ax@h/db"),
            ("postgres://me@corp:pw@h/db", "postgres://me%40corp:pw@h/db"),
            ("postgres://u:/@@h/db?sslmode=require", "postgres://u:%2F%40@h/db?sslmode=require"),
        ] {
            assert_eq!(read(typed), meant);
        }
    }

    #[test]
    fn standard_address_stays_as_it_is() {
        for url in [
            "postgres://h/db",
            "postgres://u@h:5432/db",
            "postgres://u:p%2Fw%40@[::1]:5432/db",
            "postgres://u:pw@a:1,b:2/db?target_session_attrs=read-write",
            "postgres://u:pw@h/db?application_name=a@b",
            "postgres:///db?host=/run/postgresql",
            "postgres://h",
        ] {
            assert_eq!(read(url), url);
        }
        assert_eq!(
            for_libpq("postgres", "h/d?connect_timeout=1&tcp_user_timeout=1"),
            "postgres://h/d?connect_timeout=1&tcp_user_timeout=1"
        );
    }
}
