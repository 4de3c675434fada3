//! The file format in its corners, and databases that Python's `sqlite3` made.

use super::*;

fn positions(sql: &str) -> Result<[Option<usize>; 2]> {
    let sql = Cow::Borrowed(sql);
    Table { root: 2, sql }.positions(["a0", "a11"])
}

#[test]
fn columns_are_found_however_the_statement_is_written() {
    for (sql, expected) in [
        (
            "CREATE TABLE t (id PRIMARY KEY, a0, a11)",
            [Some(1), Some(2)],
        ),
        ("create table t(a11,a0)", [Some(1), Some(0)]),
        (
            "CREATE TABLE \"t \"\"(,\" (\"x,)\"\"y\", [a0] BLOB, `A11` VARCHAR(10, 2) NOT NULL)",
            [Some(1), Some(2)],
        ),
        (
            "CREATE TABLE t (a0 CHECK (a0 <> 'as default)'), größe, a11, PRIMARY KEY (a0))",
            [Some(0), Some(2)],
        ),
        ("CREATE TABLE t (a1, a110)", [None, None]),
    ] {
        assert_eq!(positions(sql), Ok(expected), "{sql}");
    }
}

#[test]
fn statements_that_place_values_elsewhere_are_refused() {
    for sql in [
        "",
        "CREATE TABLE t",
        "CREATE TABLE t (a0",
        "CREATE TABLE t ()",
        "CREATE TABLE t (a0, a11 DEFAULT 5)",
        "CREATE TABLE t (a0 INTEGER PRIMARY KEY, a11)",
        "CREATE TABLE t (a0, b AS (a0 || 'x'), a11)",
        "CREATE TABLE t (a0, b GENERATED ALWAYS AS (a0) VIRTUAL, a11)",
        "CREATE TABLE t (a0 PRIMARY KEY, a11) WITHOUT ROWID",
        "CREATE TABLE t (a0, -- the class\n a11)",
        "CREATE TABLE t (a0, /* , */ a11)",
        "CREATE TABLE t (a0, \"a11)",
        "CREATE VIRTUAL TABLE t USING fts5(a0, a11)",
    ] {
        assert!(positions(sql).is_err(), "{sql}");
    }
}

#[test]
fn variable_length_numbers_have_up_to_nine_bytes() {
    for (bytes, expected) in [
        (&[0x00_u8][..], Some(0)),
        (&[0x7f], Some(127)),
        (&[0x81, 0x00], Some(128)),
        (&[0xff; 9], Some(u64::MAX)),
        (&[0xff; 8], None),
        (&[], None),
    ] {
        assert_eq!(varint(bytes, &mut 0), expected, "{bytes:x?}");
    }
}

/// A database that Python's `sqlite3` module made with the connection `c`.
fn python(script: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.db");
    let head = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n";
    let done = std::process::Command::new("python3")
        .args(["-c", &format!("{head}{script}\nc.commit()")])
        .arg(&path)
        .status()
        .expect("python3 runs");
    assert!(done.success());
    std::fs::read(&path).expect("a database")
}

#[test]
fn rows_of_every_length_around_the_page_size_are_whole() {
    let bytes = python(
        "c.execute('pragma page_size = 512')
c.execute('create table t (v)')
for n in range(1600):
    c.execute('insert into t values (?)', (bytes([n % 251]) * n,))",
    );
    let database = Database::open(&bytes).expect("a database");
    let table = database.table("t").expect("reads").expect("is there");
    let mut length = 0;
    database
        .rows_of(&table, |row| {
            let [value] = row.values([Some(0)])?;
            let value = row.bytes(value)?.expect("a blob");
            assert_eq!(value.len(), length);
            assert!(value.iter().all(|byte| usize::from(*byte) == length % 251));
            length += 1;
            Ok(())
        })
        .expect("reads");
    assert_eq!(length, 1600);
}

#[test]
fn values_of_every_type_are_as_python_wrote_them() {
    let bytes = python(
        "c.execute('create table other (x)')
c.execute('create table t (v)')
for v in (0, 1, -1, 127, -129, 2**22, -2**30, 2**46, -2**63, 2**63 - 1, 1.5, None,
          'grün', b'\\0\\xff', '', b'x' * 5000):
    c.execute('insert into t values (?)', (v,))",
    );
    let database = Database::open(&bytes).expect("a database");
    let table = database.table("T").expect("reads").expect("is there");
    let columns = table.positions(["v"]).expect("one column");
    let mut numbers = Vec::new();
    let mut texts = Vec::new();
    database
        .rows_of(&table, |row| {
            let [value] = row.values(columns)?;
            if let Some(number) = row.integer(value.clone())? {
                numbers.push(number);
            }
            if let Some(text) = row.bytes(value)? {
                texts.push(text.into_owned());
            }
            Ok(())
        })
        .expect("reads");
    let expected = [
        0,
        1,
        -1,
        127,
        -129,
        1 << 22,
        -1 << 30,
        1 << 46,
        i64::MIN,
        i64::MAX,
    ];
    assert_eq!(numbers, expected);
    let expected = [&b"gr\xc3\xbcn"[..], b"\0\xff", b"", &[b'x'; 5000]];
    assert_eq!(texts, expected);
    assert!(database.table("absent").expect("reads").is_none());
}
