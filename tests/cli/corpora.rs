//! What the fuzzer found worth keeping, run again without it: see `fuzz/README.md`. Each crate has
//! its own corpus.

use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod laws;

/// Panics if it does not hold.
type Law = fn(&[u8]);

#[test]
fn every_law_holds_for_every_kept_input() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let targets: [(&str, Law); 4] = [
        ("bundle", laws::bundle),
        ("compose", laws::compose),
        ("settings", laws::settings),
        ("token", laws::token),
    ];
    for (target, law) in targets {
        let inputs = std::fs::read_dir(corpora.join(target)).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| law(&bytes)).is_ok();
            assert!(held, "{}", path.display());
            count += 1;
        }
        assert!(count >= 5, "{target} has {count} inputs");
    }
}
