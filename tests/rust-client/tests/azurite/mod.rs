use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The Azurite of this test binary. It ends with it, since its standard input is closed then.
static AZURITE: OnceLock<(Child, serde_json::Value)> = OnceLock::new();

/// Starts it for the first test that asks. To be called before anything else in a test.
pub fn azurite() -> &'static serde_json::Value {
    let (_, document) = AZURITE.get_or_init(|| {
        let mut azup = Command::new("azup")
            .args(["up", "--json", "--until-eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azup starts");
        let stdout = azup.stdout.take().unwrap();
        let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter();
        let document: serde_json::Value = documents.next().unwrap().unwrap();
        let variables = document["environment"].as_object().expect("Azurite runs");
        for (name, value) in variables {
            if let Some(value) = value.as_str() {
                // SAFETY: no other test goes on before this, if each begins by it.
                unsafe { std::env::set_var(name, value) };
            }
        }
        (azup, document)
    });
    document
}
