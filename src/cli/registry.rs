//! Images in registries, as they are typed, and how they are reached.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};

use super::failure::{Failure, say};
use super::inputs::job;
use super::mistaken::refuse_output;
use super::progress;
use crate::job::Job;
use crate::ledger::{Ledger, Location, ReadAs};
use crate::printable;
use crate::reference::{Reference, RegistryImage};
use crate::registry::{Reach, Settings};

/// The options of commands that may open an image in a registry.
#[derive(Debug, Args)]
pub(super) struct RegistryOptions {
    /// Read credentials from this file, in the form of docker's `config.json` or podman's `auth.json`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Registries")]
    authfile: Option<PathBuf>,
    /// Reach this registry without encryption; repeatable. A registry on this machine needs no such option
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host, help_heading = "Registries")]
    plain_http: Vec<String>,
}

impl RegistryOptions {
    /// Returns the run of a command that has entered its outputs in `ledger`, and may open images in registries.
    pub(super) fn job(&self, mut ledger: Ledger) -> Result<Job, Failure> {
        if let Some(path) = &self.authfile {
            ledger.read(ReadAs::Credentials, Location::of(path))?;
        }
        Ok(job(ledger).registries(self.reach()))
    }

    /// Returns how registries are reached by the options and the environment. Nothing is connected yet.
    fn reach(&self) -> Reach {
        let variable = |name: &str| std::env::var_os(name);
        let settings = Settings::from_environment(&variable, self.authfile.as_deref());
        let trace: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(say);
        Reach::new(Settings {
            plain_http: self.plain_http.clone(),
            trace: progress::is_verbose().then_some(trace),
            observer: progress::observed(),
            ..settings
        })
    }
}

/// Returns the image in a registry that a path names, if it begins with `docker://`.
pub(super) fn image(path: &Path) -> Result<Option<RegistryImage>, Failure> {
    let Some(parsed) = path.to_str().and_then(RegistryImage::parse) else {
        return Ok(None);
    };
    parsed.map(Some).map_err(|invalid| {
        let shown = printable::path(path);
        Failure::Usage(format!("`{shown}` is not the name of an image: {invalid}"))
    })
}

/// Returns the name that an output has in a registry, if it begins with `docker://`.
pub(super) fn output(path: &Path) -> Result<Option<Reference>, Failure> {
    let Some(image) = image(path)? else {
        refuse_output(path)?;
        return Ok(None);
    };
    if let (Some(name), None) = (image.name(), image.digest()) {
        return Ok(Some(name.clone()));
    }
    let shown = printable::path(path);
    let message = format!(
        "`{shown}` has a digest; the digest of an output follows from its content, so use a tag"
    );
    Err(Failure::Usage(message))
}

/// Parses the value of `--plain-http`.
fn host(text: &str) -> Result<String, String> {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_host) {
        return Err(
            "expected a host and perhaps a port, such as `registry.example.com:5000`".to_owned(),
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{RegistryOptions, host};

    #[test]
    fn a_host_is_a_name_or_an_address_and_a_port() {
        for (text, is_host) in [
            ("registry.example.com", true),
            ("localhost:5000", true),
            ("[::1]:5000", true),
            ("", false),
            ("http://localhost", false),
            ("a b", false),
            ("a_b", false),
        ] {
            assert_eq!(host(text).is_ok(), is_host, "{text}");
        }
    }

    #[test]
    fn a_registry_that_is_named_is_reached_without_encryption() {
        for plain_http in [vec![], vec!["r.example.com:5000".to_owned()]] {
            let named = format!("plain_http: {plain_http:?}");
            let options = RegistryOptions {
                authfile: None,
                plain_http,
            };
            let told = format!("{:?}", options.reach());
            assert!(told.contains(&named), "{told}");
        }
    }
}
