//! Controls the proxy with toxiproxy_rust: `toxiproxy-client API UPSTREAM`, where UPSTREAM is an echo service.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::ProxyPack;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [api, upstream] = &arguments[..] else { panic!("API and UPSTREAM are required") };
    let client = Client::new(api.as_str());
    assert!(client.is_running());
    assert!(client.version().unwrap().contains("version"));
    let wanted = ProxyPack::new("rust".to_owned(), "127.0.0.1:0".to_owned(), upstream.clone());
    let populated = client.populate(vec![wanted]).unwrap();
    let listen = &populated[0].proxy_pack.listen;
    assert_eq!(client.all().unwrap()["rust"].proxy_pack.listen, *listen);
    assert!(round_trip(listen).is_some());

    let proxy = client.find_and_reset_proxy("rust").unwrap();
    let applied = proxy.with_latency("downstream".to_owned(), 200, 0, 1.0).apply(|| {
        assert!(round_trip(listen).unwrap() >= Duration::from_millis(199));
        let toxics = proxy.toxics().unwrap();
        assert_eq!((toxics[0].name.as_str(), toxics[0].attributes["latency"]), ("latency_downstream", 200));
    });
    applied.unwrap();
    proxy
        .with_bandwidth("upstream".to_owned(), 500, 0.5)
        .with_slow_close("downstream".to_owned(), 1, 1.0)
        .with_slicer("downstream".to_owned(), 2, 1, 100, 0.8)
        .with_limit_data("downstream".to_owned(), 2, 1.0)
        .with_timeout("upstream".to_owned(), 5000, 0.0);
    assert_eq!(proxy.toxics().unwrap().len(), 5);
    assert_eq!(round_trip(listen), None);
    proxy.with_down(|| assert_eq!(round_trip(listen), None)).unwrap();
    client.reset().unwrap();
    assert!(proxy.toxics().unwrap().is_empty());
    assert!(round_trip(listen).is_some());
    proxy.delete().unwrap();
    assert_eq!(round_trip(listen), None);
    println!("all is well");
}

/// Sends a word through the proxy and returns the time until its echo; none if there is no echo.
fn round_trip(listen: &str) -> Option<Duration> {
    let begun = Instant::now();
    let mut connection = TcpStream::connect(listen).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection.write_all(b"word").ok()?;
    let mut answer = [0; 4];
    connection.read_exact(&mut answer).ok()?;
    assert_eq!(&answer, b"word");
    Some(begun.elapsed())
}
