//! References to secrets. The configuration never holds a secret itself.

use crate::Environment;
use aitrading_env::Fs;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use secrecy::SecretString;
use std::{fmt, io, path::PathBuf, str::FromStr};

/// Bytes that a secret's file may have.
const SECRET_BYTES: u64 = 64 * 1024;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable: `env:NAME`.
    Variable(String),
    /// In a file that only its owner may read: `file:PATH`.
    File(PathBuf),
    /// Here, encrypted: `sealed:TEXT`.
    Sealed(String),
}

/// Opens sealed secrets. Implemented where the keys are.
pub trait Unseal: Send + Sync {
    /// Opens `sealed`, which must have been sealed for `key` (the dotted configuration key), so that a sealed text cannot
    /// be moved to another setting.
    ///
    /// # Errors
    /// If the text was altered, sealed for another key, or no key is at hand.
    fn unseal(&self, key: &str, sealed: &str) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>>;
}

/// For processes without a sealing key: refuses every sealed secret.
#[derive(Debug, Clone, Copy)]
pub struct NoUnseal;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text is no reference.
    #[error("it is not a reference to a secret; write env:NAME, file:PATH or sealed:TEXT, never the secret itself")]
    Form,
    /// The environment variable is not set, or is empty.
    #[error("environment variable {name} of `{key}` is not set; set it for this process")]
    Variable {
        /// Configuration key.
        key: String,
        /// Variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("the file of `{key}`, {path}, cannot be read; check path and permissions")]
    File {
        /// Configuration key.
        key: String,
        /// Path.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Others may read the file.
    #[error("the file of `{key}`, {path}, can be read by others (mode {mode:o}); run chmod 600 on it")]
    Exposed {
        /// Configuration key.
        key: String,
        /// Path.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// The file is empty or not text.
    #[error("the file of `{key}`, {path}, holds no secret; write the secret into it as text")]
    Content {
        /// Configuration key.
        key: String,
        /// Path.
        path: PathBuf,
    },
    /// The sealed text does not open.
    #[error("the sealed value of `{key}` does not open; seal it again for this key and this installation")]
    Sealed {
        /// Configuration key.
        key: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SecretRef {
    /// Fetches the secret. `key` is the configuration key, for errors and for unsealing.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn fetch(
        &self,
        key: &str,
        variables: &Environment,
        fs: &dyn Fs,
        unseal: &dyn Unseal,
    ) -> Result<SecretString, SecretError> {
        let key = key.to_owned();
        match self {
            Self::Variable(name) => match variables.get(name).filter(|v| !v.is_empty()) {
                Some(value) => Ok(SecretString::from(value.clone())),
                None => Err(SecretError::Variable { key, name: name.clone() }),
            },
            Self::File(path) => read(key, path.clone(), fs),
            Self::Sealed(text) => unseal.unseal(&key, text).map_err(|source| SecretError::Sealed { key, source }),
        }
    }
}

fn read(key: String, path: PathBuf, fs: &dyn Fs) -> Result<SecretString, SecretError> {
    let unreadable = |key: &str, source| SecretError::File { key: key.to_owned(), path: path.clone(), source };
    let meta = fs.metadata(&path).map_err(|e| unreadable(&key, e))?;
    let meta = meta.ok_or_else(|| unreadable(&key, io::ErrorKind::NotFound.into()))?;
    if meta.mode & OTHERS != 0 {
        return Err(SecretError::Exposed { key, path, mode: meta.mode & 0o777 });
    }
    let bytes = fs.read(&path, SECRET_BYTES).map_err(|e| unreadable(&key, e))?;
    let text = String::from_utf8(bytes).ok();
    // Editors end files with a line break that is not meant.
    let secret = text.as_deref().map(|t| t.trim_end_matches(['\r', '\n'])).filter(|t| !t.is_empty());
    secret.map(|s| SecretString::from(s.to_owned())).ok_or(SecretError::Content { key, path })
}

impl Unseal for NoUnseal {
    fn unseal(&self, _key: &str, _sealed: &str) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
        Err("this process has no key to open sealed values".into())
    }
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some((_, "")) | None => Err(SecretError::Form),
            Some(("env", name)) => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("sealed", sealed)) => Ok(Self::Sealed(sealed.to_owned())),
            Some(_) => Err(SecretError::Form),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Sealed(_) => f.write_str("sealed:..."),
        }
    }
}

impl<'de> serde::Deserialize<'de> for SecretRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Coded for SecretError {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::Form => "SECRET_FORM",
            Self::Variable { .. } => "SECRET_VARIABLE",
            Self::File { .. } => "SECRET_FILE",
            Self::Exposed { .. } => "SECRET_EXPOSED",
            Self::Content { .. } => "SECRET_CONTENT",
            Self::Sealed { .. } => "SECRET_SEALED",
        };
        Dna::new("config", code, Category::Config).side(FaultSide::Caller)
    }
}
