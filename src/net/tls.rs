//! Who is trusted, and as whom the local exchange presents itself. Certificates are always
//! verified; there is no switch against it (`FAULTS.md` F93).

use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;

/// A source of certificate authorities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Roots {
    /// Mozilla's list as compiled in: the same on every machine.
    Webpki,
    /// The system's: for proxies of a company. Read once.
    System,
    /// Certificates in a PEM file, as the local exchange writes one. Read once.
    File(PathBuf),
}

/// Why TLS cannot be set up. Each message says how to mend it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or holds no certificate.
    #[error("{}: {why}: give a PEM file with at least one certificate", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has none.
    #[error(
        "the system has no certificate authorities ({0}): install ca-certificates or use webpki"
    )]
    System(String),
    /// Neither a DNS name nor an address.
    #[error("{0}: certificates are for DNS names and IP addresses; write one of these")]
    Name(String),
    /// The certificate and its key do not make a server.
    #[error("the certificate cannot be used: {0}")]
    Identity(String),
    /// The library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// What every connection to a venue shares: the trusted roots and the session cache. Cloning is
/// cheap and shares both.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts all of `roots` together.
    ///
    /// # Errors
    /// A source that cannot be read or is empty; never a shorter list in silence.
    pub fn new(roots: &[Roots]) -> Result<ClientTls, TlsError> {
        let mut store = RootCertStore::empty();
        for source in roots {
            add(&mut store, source)?;
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|why| TlsError::Setup(why.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(ClientTls { config: Arc::new(config) })
    }
    /// The client's half of one connection to `host`.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, TlsError> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| TlsError::Name(host.to_owned()))?;
        ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|why| TlsError::Setup(why.to_string()))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

fn add(store: &mut RootCertStore, source: &Roots) -> Result<(), TlsError> {
    match source {
        Roots::Webpki => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = store.add_parsable_certificates(found.certs);
            if added == 0 {
                let why = found.errors.first().map_or("none found".into(), ToString::to_string);
                return Err(TlsError::System(why));
            }
        }
        Roots::File(path) => {
            let wrong = |why: String| TlsError::File { path: path.clone(), why };
            let text = fs::read(path).map_err(|why| wrong(why.to_string()))?;
            for certificate in certificates(&text).map_err(wrong)? {
                store
                    .add(certificate)
                    .map_err(|why| TlsError::File { path: path.clone(), why: why.to_string() })?;
            }
        }
    }
    Ok(())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(found) if found.is_empty() => Err("holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(why) => Err(why.to_string()),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate chain and its key, both PEM. The key has no `Debug`: it is not for logs.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, then those that signed it, if it is not its own authority.
    pub certificate_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl Identity {
    /// A new self-signed certificate for `localhost`, `127.0.0.1` and `::1`: a client trusts it by
    /// [`Roots::File`].
    ///
    /// # Errors
    /// The library's.
    pub fn local() -> Result<Identity, TlsError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names);
        let made = made.map_err(|why| TlsError::Identity(why.to_string()))?;
        Ok(Identity { certificate_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() })
    }
    /// Writes the certificate without the key, for clients that shall trust it.
    ///
    /// # Errors
    /// The system's.
    pub fn write_certificate(&self, path: &Path) -> Result<(), TlsError> {
        fs::write(path, &self.certificate_pem)
            .map_err(|why| TlsError::File { path: path.to_owned(), why: why.to_string() })
    }
}

/// What all connections of one server share.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// A server that presents `identity` and asks clients for no certificate.
    ///
    /// # Errors
    /// PEM that holds no certificate or no key, or a key of another certificate.
    pub fn new(identity: &Identity) -> Result<ServerTls, TlsError> {
        let chain =
            certificates(identity.certificate_pem.as_bytes()).map_err(TlsError::Identity)?;
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
            .map_err(|why| TlsError::Identity(why.to_string()))?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|why| TlsError::Setup(why.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|why| TlsError::Identity(why.to_string()))?;
        Ok(ServerTls { config: Arc::new(config) })
    }
    /// The server's half of one connection.
    pub(crate) fn connection(&self) -> Result<ServerConnection, TlsError> {
        ServerConnection::new(Arc::clone(&self.config))
            .map_err(|why| TlsError::Setup(why.to_string()))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
