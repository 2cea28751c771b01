//! What is fetched and what is refused; the web is a socket of this machine, reached behind the check of addresses.
//! It asks no other machine.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that gives one answer; its address.
async fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _ = socket.read(&mut head).await;
        let _ = socket.write_all(answer).await;
    });
    address
}

async fn got(answer: &'static [u8], most: u64) -> Result<Vec<u8>, FetchError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = answering(answer).await;
    let url = Url::parse(&format!("http://pictures.example:{}/a.png", address.port())).unwrap();
    get(url, &[address], &Safe::fixed("pictures.example"), most).await
}

#[tokio::test]
async fn what_stands_there_is_fetched_up_to_a_size_and_no_further() {
    assert_eq!(got(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage", 5).await.unwrap(), b"image");
    let said = got(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nimages", 5).await;
    assert!(matches!(said, Err(FetchError::TooLarge { most: 5 })), "{said:?}");
    let unsaid = got(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nimages", 5).await;
    assert!(matches!(unsaid, Err(FetchError::TooLarge { most: 5 })), "{unsaid:?}");
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let answer = got(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", 100).await;
    assert!(matches!(answer, Err(FetchError::Status { status: 302, .. })), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_fetched_from_inside() {
    for inside in [
        "http://127.0.0.1/a.png",
        "http://localhost/a.png",
        "http://2130706433/a.png",
        "http://0x7f.1/a.png",
        "http://10.1.2.3/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://[64:ff9b::a00:1]/a.png",
        "http://[2002:a00:1::]/a.png",
        "http://[fd00::1]/a.png",
        "http://0.0.0.0/a.png",
    ] {
        let answer = fetch(inside, 100).await;
        assert!(matches!(answer, Err(FetchError::Private { .. })), "{inside}: {answer:?}");
    }
    for wrong in ["file:///etc/passwd", "ftp://example.org/a", "http://user:pw@example.org/a", "a.png", "", "http://"] {
        let answer = fetch(wrong, 100).await;
        assert!(matches!(answer, Err(FetchError::Address)), "{wrong}: {answer:?}");
    }
}

#[test]
fn the_open_internet_is_public() {
    for public in ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1"] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}
