//! Opens a byte stream to the server: the link's own TLS settings, no others. The driver's own way would read the system's
//! certificate authorities first.

use aitrading_database_link::Link;
use aitrading_env::{BoxStream, Env};
use std::io;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// Dials the server's addresses in turn.
pub(crate) async fn dial(env: &Env, link: &Link) -> io::Result<BoxStream> {
    let endpoint = link.endpoint();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in tokio::net::lookup_host((endpoint.dial_host(), endpoint.port())).await? {
        match env.net.connect(address).await {
            Ok(stream) => return secure(link, stream).await,
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn secure(link: &Link, stream: BoxStream) -> io::Result<BoxStream> {
    let Some(tls) = link.endpoint().tls() else { return Ok(stream) };
    let name = ServerName::try_from(link.endpoint().host().to_owned());
    let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    Ok(Box::new(TlsConnector::from(tls.config()).connect(name, stream).await?))
}
