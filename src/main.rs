//! The `ocipatch` command.
use ocipatch::archive::*;
fn main() {
    for f in std::env::args().skip(1) {
        let s = Source::open(std::path::Path::new(&f), std::path::Path::new("/tmp"))
            .and_then(Archive::open);
        match s {
            Err(e) => println!("{f}: {e}"),
            Ok(a) => {
                println!(
                    "{f}: {:?} {:?}",
                    a.dialect(),
                    a.images()
                        .iter()
                        .map(|i| (i.display_name(), i.image_id(), i.manifest_digest()))
                        .collect::<Vec<_>>()
                );
                let mut c = a.images()[0].config().clone();
                c.set_label("mylabel", "x");
                let r = RevisedImage {
                    config: c,
                    layers: (0..a.images()[0].layers().len())
                        .map(RevisedLayer::Kept)
                        .collect(),
                    tags: a.images()[0].tags().to_vec(),
                };
                let rev = revise(
                    &a,
                    &std::iter::once(Some(r))
                        .chain(a.images().iter().skip(1).map(|_| None))
                        .collect::<Vec<_>>(),
                    vec![],
                )
                .unwrap();
                publish(
                    &rev.draft,
                    &Destination::File(
                        format!("/tmp/out-{}", f.rsplit('/').next().unwrap()).into(),
                    ),
                )
                .unwrap();
            }
        }
    }
}
