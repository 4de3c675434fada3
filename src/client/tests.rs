use super::*;
use proptest::prelude::*;

/// The response in `bytes`, of which nothing more will come.
fn whole(bytes: &[u8]) -> Response {
    parsed(bytes, true)
        .expect("HTTP")
        .expect("a whole response")
}

#[test]
fn a_body_ends_by_length_by_chunks_or_by_the_end() {
    let response = whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nokNO");
    assert_eq!((response.status, &*response.body), (200, &b"ok"[..]));
    assert_eq!(response.header("server"), Some("x"));
    let chunks = b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(whole(chunks).body, b"abcd");
    assert_eq!(
        whole(b"HTTP/1.1 200 OK\r\n\r\nall of it").body,
        b"all of it"
    );
    assert_eq!(
        whole(b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n").body,
        b""
    );
}

#[test]
fn what_is_no_http_is_refused_at_once() {
    for bytes in [
        &b"SSH-2.0-OpenSSH"[..],
        b"220",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n",
    ] {
        assert!(parsed(bytes, false).is_err(), "{}", bytes.escape_ascii());
    }
}

proptest! {
    /// However the bytes arrive, no part of a response is taken for the whole.
    #[test]
    fn a_response_is_whole_only_at_its_end(
        body in prop::collection::vec(any::<u8>(), 1..200),
        chunk in 1_usize..50,
        chunked: bool,
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
        if chunked {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(chunk) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n");
        } else {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            bytes.extend(&body);
        }
        for end in 0..bytes.len() {
            prop_assert!(parsed(&bytes[..end], false).expect("HTTP").is_none());
        }
        prop_assert_eq!(whole(&bytes).body, body);
    }

    /// Whatever a stranger sends, it is an answer, a refusal or a wait.
    #[test]
    fn no_bytes_make_it_stumble(tail in prop::collection::vec(any::<u8>(), 0..300), ended: bool) {
        let _ = parsed(&tail, ended);
        let _ = parsed(&[b"HTTP/1.1 200 OK\r\n", tail.as_slice()].concat(), ended);
        let _ = unchunked(&tail);
    }
}
