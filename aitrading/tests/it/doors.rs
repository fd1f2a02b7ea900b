//! Who may come in where: certificates at the services' doors, probes at the observer's.

use crate::{
    tls,
    world::{BRIDGE, DATABASE, ENGINE, GATEWAY, World},
};
use aitrading_error::Coded;

#[tokio::test]
async fn services_talk_only_to_clients_with_a_certificate() {
    let world = World::new();
    world.init().await;
    let server = world.up().await;
    for port in [BRIDGE, ENGINE, DATABASE] {
        let refused = tls::get(&world, port, tls::nobody(&world), "/health/live").await;
        assert_eq!(refused.unwrap_err().dna().code, "TLS_NO_CERT", "port {port}");
    }
    for port in [GATEWAY, BRIDGE, ENGINE, DATABASE] {
        for path in ["/health/live", "/health/ready", "/metrics"] {
            let answer = tls::get(&world, port, tls::demo_client(&world), path).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "port {port}{path}: {answer}");
        }
    }
    let open = tls::get(&world, GATEWAY, tls::nobody(&world), "/health/live").await.unwrap();
    assert!(open.starts_with("HTTP/1.1 200 OK\r\n"), "{open}");
    server.stop(&world).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let world = World::new();
    world.init().await;
    let own_ca = world.read("client/ca.pem");
    let done = world.run(&["init", "--data-dir", "other", "--demo-client", "stranger"]).await;
    done.succeeded();
    for name in ["client.pem", "client.key"] {
        let text = world.read(&format!("stranger/{name}"));
        world.write(&format!("client/{name}"), &text);
    }
    assert_eq!(world.read("client/ca.pem"), own_ca, "the server is still trusted");
    let server = world.up().await;
    for port in [GATEWAY, BRIDGE, ENGINE, DATABASE] {
        let refused = tls::get(&world, port, tls::demo_client(&world), "/health/live").await;
        assert_eq!(refused.unwrap_err().dna().code, "CERT_REFUSED", "port {port}");
    }
    server.stop(&world).await;
}

#[tokio::test]
async fn the_observer_tells_probes_and_scrapers() {
    let world = World::new();
    world.init().await;
    let server = world.up().await;
    let (status, body) = world.get("/health/live").await.unwrap();
    assert_eq!((status, body.contains("live")), (200, true), "{body}");
    let (status, body) = world.get("/health/ready").await.unwrap();
    let ready: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &ready["ready"]), (200, &true.into()), "{body}");
    for service in ["api-gateway", "data-bridge", "trading-engine", "database-service"] {
        let components = ready["components"].as_array().unwrap();
        let shown = components.iter().find(|c| c["name"] == service).unwrap_or_else(|| panic!("{service}: {body}"));
        assert!(!shown["parts"].as_array().unwrap().is_empty(), "{service} has no parts: {body}");
        assert_eq!(world.get(&format!("/health/ready/{service}")).await.unwrap().0, 200, "{service}");
    }
    assert_eq!(world.get("/health/ready/nothing").await.unwrap().0, 404);
    let (status, body) = world.get("/metrics").await.unwrap();
    assert_eq!(status, 200);
    assert!(body.lines().any(|line| line.starts_with("# TYPE ")), "not Prometheus text: {body}");
    assert!(body.contains("http_requests_total{"), "{body}");
    server.stop(&world).await;
}
