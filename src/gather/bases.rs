//! The archives that a `rebase` names.

use std::sync::Arc;

use super::unusable::{Unusable, usable};
use super::{Base, Conditions, OpenSources};
use crate::archive::{Archive, Headers, Image, Import, Referrers, Source};
use crate::error::Error;
use crate::ledger::{Ledger, ReadAs};
use crate::operation::HostPath;
use crate::patch::BaseImage;
use crate::plan::{BaseCandidate, BaseLayer, HostSource};
use crate::platform::Platform;
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::RegistryImage;
use crate::rootfs::LayerLog;

/// Looks into both archives. Of the base that images get, the layers of those for `platforms` are opened.
pub(super) fn find(
    (wanted_from, wanted_onto): (&BaseImage, &BaseImage),
    base: &Base,
    operation: &Address,
    platforms: &[Platform],
    conditions: &Conditions,
    opened: &mut OpenSources,
) -> Result<HostSource, Error> {
    let mut host = HostSource::default();
    let mut open = |image, key| {
        let address = operation.clone().key(key);
        open(image, base, address, conditions, &mut opened.ledger)
    };
    let from = usable(open(wanted_from, "from"), &mut host.problems)?;
    let onto = usable(open(wanted_onto, "onto"), &mut host.problems)?;
    let (Some(from), Some(onto)) = (from, onto) else {
        return Ok(host);
    };
    let old = from.images().iter();
    let old = old.map(|image| described(image, wanted_from));
    let onto = Arc::new(onto);
    let mut new = Vec::new();
    for image in onto.images() {
        let mut described = described(image, wanted_onto);
        if platforms.contains(&image.platform()) {
            described.layers = layers(&onto, image, opened)?;
        }
        new.push(described);
    }
    host.bases = Some((old.collect(), new));
    from.source().check()?;
    onto.source().check()?;
    Ok(host)
}

fn open(
    image: &BaseImage,
    base: &Base,
    address: Address,
    conditions: &Conditions,
    ledger: &mut Ledger,
) -> Result<Archive, Unusable> {
    let address = image.archive_address(address);
    if let Some(parsed) = RegistryImage::parse(&image.archive) {
        let named = parsed.map_err(|invalid| {
            let message = format!(
                "{} is not the name of an image: {invalid}",
                quoted(&image.archive)
            );
            let help = "a base in a registry is written as `docker://registry.example.com/app:1`";
            Problem::new(Code::NoSuchSource, address, message).with_help(help)
        })?;
        let source = Source::of_registry(
            &conditions.reach,
            &named,
            Referrers::Left,
            &conditions.spool,
        )?;
        let source = source
            .cached_in(conditions.cache.clone())
            .sharing(conditions.shelf.clone());
        return Ok(Archive::open(source)?);
    }
    let source = HostPath::file(ReadAs::BaseArchive, &image.archive);
    let real = source.find(base, &address, ledger)?;
    let opened = Source::open(&real, &conditions.spool)?.cached_in(conditions.cache.clone());
    for location in opened.linked() {
        let read = ledger.read(ReadAs::BaseArchive, location.clone());
        read.map_err(Error::from)?;
    }
    Ok(Archive::open(opened)?)
}

fn described(image: &Image, of: &BaseImage) -> BaseCandidate {
    BaseCandidate {
        archive: of.archive.clone(),
        config: image.config().clone(),
        tags: image.tags().to_vec(),
        layers: Vec::new(),
    }
}

fn layers(
    archive: &Arc<Archive>,
    image: &Image,
    opened: &mut OpenSources,
) -> Result<Vec<BaseLayer>, Error> {
    let mut layers = Vec::new();
    for layer in image.layers() {
        let import = Import::of_layer(archive, layer)?;
        let read = |headers: &mut Headers<'_>| LayerLog::read(0, headers);
        let log = import.read_headers(read)?;
        let log = log.map_err(|error| Error::unreadable_layer(import.place().to_owned(), error))?;
        layers.push(BaseLayer {
            import: opened.imports.len(),
            compression: import.compression(),
            log,
        });
        opened.imports.push(import);
    }
    Ok(layers)
}
