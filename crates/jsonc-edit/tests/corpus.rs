//! What the fuzzer has found worth keeping, run again without it.

use std::path::Path;

#[allow(unreachable_pub, reason = "a crate of its own beside the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod invariants;

fn holds_for_every_input_of(target: &str, invariant: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let inputs = std::fs::read_dir(corpus.join(target)).expect("the corpus");
    let mut count = 0;
    for input in inputs {
        let path = input.expect("an input").path();
        let bytes = std::fs::read(&path).expect("an input");
        let held = std::panic::catch_unwind(|| invariant(&bytes)).is_ok();
        assert!(held, "{}", path.display());
        count += 1;
    }
    assert!(count >= 5, "{target} has {count} inputs");
}

#[test]
fn edits() {
    holds_for_every_input_of("edits", invariants::edits);
}
