//! Who asks: the client's address, behind proxies or not.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client's address. `peer` is the other end of the connection; `header` is what the
/// configured header says, *all* of that name joined by commas in their order: a proxy may add a
/// line of its own below the client's.
///
/// The header is believed only when `peer` is a trusted proxy. Each proxy adds at the right whom it
/// saw, so the list is read from there, past the trusted ones: the first address that no trusted
/// proxy has is the client, and whatever stands to the left of it he may have made up himself.
/// When there is rubbish on the way, the peer is all that is known.
///
/// Django: `REMOTE_ADDR` as a middleware such as `django-xforwardedfor` sets it.
pub fn client_address(peer: IpAddr, header: Option<&str>, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let Some(header) = header.filter(|_| is_trusted(&peer)) else {
        return peer;
    };
    let mut client = peer;
    for hop in header.rsplit(',') {
        let Some(address) = parse(hop.trim()) else {
            return peer;
        };
        client = address;
        if !is_trusted(&address) {
            break;
        }
    }
    client
}

/// `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`, each but the second with `:port` or without.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, header: Option<&str>) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap());
        client_address(peer.parse().unwrap(), header, &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1", Some("198.51.100.7")), "192.0.2.1");
        assert_eq!(client("10.0.0.1", Some("198.51.100.7")), "198.51.100.7");
        assert_eq!(client("2001:db8:ffff::1", Some("198.51.100.7")), "198.51.100.7");
        assert_eq!(client_address([10, 0, 0, 1].into(), Some("198.51.100.7"), &[]), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(client("10.0.0.1", None), "10.0.0.1");
    }

    #[test]
    fn a_list_is_read_from_the_right_past_trusted_hops() {
        assert_eq!(client("10.0.0.1", Some("203.0.113.9, 198.51.100.7")), "198.51.100.7", "the left one is forged");
        assert_eq!(client("10.0.0.1", Some("203.0.113.9, 198.51.100.7, 10.0.0.2,10.0.0.3")), "198.51.100.7");
        assert_eq!(client("10.0.0.1", Some("10.9.9.9, 10.0.0.2")), "10.9.9.9", "a client within the trusted network");
        assert_eq!(
            client("10.0.0.1", Some("rubbish, 198.51.100.7")),
            "198.51.100.7",
            "what the client wrote is never read"
        );
    }

    #[test]
    fn rubbish_leaves_the_peer() {
        for header in [
            "",
            " ",
            "unknown",
            "198.51.100.7, unknown",
            "198.51.100.7,",
            "1.2.3",
            "for=1.2.3.4",
            "198.51.100.7;10.0.0.2",
            "[::1",
            "<script>",
        ] {
            assert_eq!(client("10.0.0.1", Some(header)), "10.0.0.1", "{header:?}");
        }
    }

    #[test]
    fn ports_and_brackets_and_mapped_addresses() {
        for (header, address) in [
            ("198.51.100.7:1234", "198.51.100.7"),
            ("[2001:db8::7]:1234", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("198.51.100.7, ::ffff:10.0.0.2", "198.51.100.7"),
        ] {
            assert_eq!(client("10.0.0.1", Some(header)), address, "{header}");
        }
        assert_eq!(client("::ffff:10.0.0.1", Some("198.51.100.7")), "198.51.100.7", "a server on :: sees such peers");
        assert_eq!(client("::ffff:192.0.2.1", None), "192.0.2.1");
    }
}
