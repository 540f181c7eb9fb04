//! Opens a blob store by its address: `file:///directory` or `s3://bucket/prefix`.
//!
//! Must never send a key over plain HTTP to another machine unless the configuration says so, and
//! never use another crypto library than ring.

use std::path::Path;
use std::sync::Arc;

use kernel::Secret;
use object_store::local::LocalFileSystem;
use url::Url;

use super::{Blobs, BlobsError, Home};

/// How to reach an S3-compatible server. Not used for a directory.
#[derive(Clone, Debug, Default)]
pub struct S3Config {
    /// The server's address, such as `https://minio.example.org`; absent means Amazon's.
    pub endpoint: Option<String>,
    /// The region, such as `eu-central-1`; absent means `us-east-1`, which other servers ignore.
    pub region: Option<String>,
    /// The access key's id; absent means the rights of the machine (instance or container role).
    pub key_id: Option<String>,
    /// The access key's secret.
    pub secret: Option<Secret<String>>,
    /// Whether an `http://` endpoint is allowed on another machine, for a private network. On
    /// this machine it always is.
    pub plain_http: bool,
}

impl Blobs {
    /// Opens the store at an address: `file:///absolute/directory`, or `s3://bucket/prefix` (prefix
    /// optional; needs the cargo feature `s3`). Makes the directory; does not make the bucket and
    /// does not connect, see [`Blobs::health`].
    pub fn open(address: &str, s3: &S3Config) -> Result<Self, BlobsError> {
        let url = Url::parse(address).map_err(|_why| BlobsError::BadAddress(FORM))?;
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(directory) => Self::in_directory(&directory),
                Err(()) => Err(BlobsError::BadAddress(FORM)),
            },
            "s3" => open_s3(&url, s3),
            _ => Err(BlobsError::BadAddress(FORM)),
        }
    }

    /// Opens the store in a directory, which is made if it is absent, readable only by the user
    /// the program runs as.
    pub fn in_directory(directory: &Path) -> Result<Self, BlobsError> {
        let failed = |source| BlobsError::Directory {
            directory: directory.to_owned(),
            source,
        };
        let mut maker = std::fs::DirBuilder::new();
        maker.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(directory).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| BlobsError::from_store("", error))?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            home: Home::Directory(directory.to_owned()),
        })
    }
}

const FORM: &str = "must be like file:///var/lib/waddlebot/blobs or s3://bucket/prefix";

#[cfg(not(feature = "s3"))]
fn open_s3(_address: &Url, _config: &S3Config) -> Result<Blobs, BlobsError> {
    Err(BlobsError::BadAddress(
        "is S3, which this build leaves out (cargo feature `s3`)",
    ))
}

#[cfg(feature = "s3")]
fn open_s3(address: &Url, config: &S3Config) -> Result<Blobs, BlobsError> {
    use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut};
    use object_store::prefix::PrefixStore;
    use object_store::{BackoffConfig, ClientOptions, RetryConfig};
    use std::time::Duration;

    // The HTTP client asks the process for its crypto library. If one is set already, fine.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let bucket = address.host_str().ok_or(BlobsError::BadAddress(FORM))?;
    let prefix = address.path().trim_matches('/');
    let plain_http = match &config.endpoint {
        Some(endpoint) => plain_http(endpoint, config)?,
        None => false,
    };
    let client = ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(30))
        // Of a whole request, body included: 256 MiB at 1 MB/s.
        .with_timeout(Duration::from_mins(5));
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 3,
        retry_timeout: Duration::from_secs(30),
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(config.region.as_deref().unwrap_or("us-east-1"))
        // The server checks what arrived.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry)
        .with_client_options(client);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    match (&config.key_id, &config.secret) {
        (Some(key_id), Some(secret)) => {
            builder = builder
                .with_access_key_id(key_id)
                .with_secret_access_key(secret.expose());
        }
        (None, None) => {}
        _ => {
            return Err(BlobsError::BadAddress(
                "needs both the access key's id and its secret, or neither",
            ));
        }
    }
    let store = builder
        .build()
        .map_err(|error| BlobsError::from_store("", error))?;
    let store: Arc<dyn object_store::ObjectStore> = if prefix.is_empty() {
        Arc::new(store)
    } else {
        Arc::new(PrefixStore::new(store, super::path::checked(prefix)?))
    };
    Ok(Blobs {
        store,
        home: Home::S3,
    })
}

/// Whether the endpoint is allowed plain HTTP.
#[cfg(feature = "s3")]
fn plain_http(endpoint: &str, config: &S3Config) -> Result<bool, BlobsError> {
    const ENDPOINT: &str = "has an S3 endpoint that is not like https://minio.example.org";
    let url = Url::parse(endpoint).map_err(|_why| BlobsError::BadAddress(ENDPOINT))?;
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(BlobsError::BadAddress(ENDPOINT)),
    };
    match url.scheme() {
        "https" => Ok(false),
        "http" if loopback || config.plain_http => Ok(true),
        "http" => Err(BlobsError::BadAddress(
            "has a plain http:// S3 endpoint on another machine; use https://, or allow it with plain_http",
        )),
        _ => Err(BlobsError::BadAddress(ENDPOINT)),
    }
}
