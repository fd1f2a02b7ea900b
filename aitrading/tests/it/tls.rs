//! TLS as a stranger speaks it: with the demo client's certificate, with another one, with none.
#![expect(clippy::disallowed_methods, reason = "what the door says is read to its end, behind a bound")]

use crate::world::World;
use aitrading_channel::{ChannelError, tls};
use aitrading_env::BoxStream;
use aitrading_security::pki::{Issued, certificates_from_pem, spki_pin};
use std::{io, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

/// An answer is not longer.
const ANSWER_BYTES: u64 = 64 * 1024;
const WITHIN: Duration = Duration::from_secs(10);

/// The certificate and key that `init --demo-client` wrote as PEM.
pub(crate) fn demo_client(world: &World) -> Arc<ClientConfig> {
    with_certificate(world, "client")
}

/// The certificate, key and authority in `dir`.
pub(crate) fn with_certificate(world: &World, dir: &str) -> Arc<ClientConfig> {
    let read = |name: &str| world.read(&format!("{dir}/{name}"));
    let own = Issued::from_pem(&read("client.pem"), &read("client.key")).unwrap();
    let ca = certificates_from_pem(&read("ca.pem")).unwrap().remove(0);
    let server = certificates_from_pem(&world.read("server/keys/server.pem")).unwrap().remove(0);
    tls::client_config(&world.env, &ca, own.chain(), own.key(), &[spki_pin(&server).unwrap()]).unwrap()
}

/// Trusts the server and has nothing to show.
pub(crate) fn nobody(world: &World) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificates_from_pem(&world.read("client/ca.pem")).unwrap().remove(0)).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Arc::new(builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth())
}

pub(crate) async fn dial(world: &World, port: u16, config: Arc<ClientConfig>) -> io::Result<TlsStream<BoxStream>> {
    let stream = world.env.net.connect(world.address(port)).await?;
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Writes, and reads until the other side closes. In TLS 1.3 a refusal of the certificate arrives with the first read.
pub(crate) async fn say(world: &World, stream: &mut TlsStream<BoxStream>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let talk = async {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        match stream.take(ANSWER_BYTES).read_to_end(&mut answer).await {
            // A close without a TLS goodbye is a close; an alert is not.
            Err(e) if answer.is_empty() || e.kind() != io::ErrorKind::UnexpectedEof => Err(e),
            _ => Ok(answer),
        }
    };
    world.env.timeout(WITHIN, talk).await.unwrap_or_else(|_| panic!("the server did not close within {WITHIN:?}"))
}

/// `GET path`, as status and body.
pub(crate) async fn get(
    world: &World,
    port: u16,
    config: Arc<ClientConfig>,
    path: &str,
) -> Result<String, ChannelError> {
    let mut stream = dial(world, port, config).await.map_err(tls::handshake_error)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = say(world, &mut stream, request.as_bytes()).await.map_err(tls::handshake_error)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
