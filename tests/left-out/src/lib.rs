//! Tests that leave themselves out, and say so, if a program that they need is not installed:
//! `cargo test` runs on a machine with only Rust. Rust's own `#[test]` can only leave out what is
//! marked beforehand, not what turns out to be missing.
//!
//! `#[macro_use] extern crate azup_left_out` replaces the prelude's macro in a whole crate. A test
//! then asks with [`needs!`] for a program where it uses it. With `AZUP_TEST_ALL` set, as
//! `tests/run` sets it, a missing program is a failure.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Rust's `#[test]`, for a function that may end in [`needs!`].
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    let name = tokens.windows(2).find_map(|pair| match pair {
        [TokenTree::Ident(word), name] if word.to_string() == "fn" => Some(name.to_string()),
        _ => None,
    });
    let (Some(name), Some(TokenTree::Group(body))) = (name, tokens.pop()) else {
        return parsed("compile_error!(\"a test is a function\");");
    };
    let mut wrapped = parsed("let story = ||");
    wrapped.extend([TokenTree::from(body)]);
    wrapped.extend(parsed(&format!(
        r#"; let ::std::result::Result::Err(cause) =
               ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(story)) else {{ return }};
           match cause.downcast_ref::<::std::string::String>().and_then(|why| why.split_once("left out: ")) {{
               // If proptest caught it, the input follows.
               ::std::option::Option::Some((_, why)) => {{
                   let why = why.split([';', '\n']).next().unwrap_or(why);
                   // Not by a macro that prints, whose output is hidden if the test passes.
                   let line = ::std::format!("SKIPPED {{}}::{name}: needs {{why}} (tests/run)\n", ::std::module_path!());
                   ::std::io::Write::write_all(&mut ::std::io::stderr(), line.as_bytes()).ok();
               }}
               ::std::option::Option::None => ::std::panic::resume_unwind(cause),
           }}"#
    )));
    tokens.push(Group::new(Delimiter::Brace, wrapped).into());
    let mut test = parsed("#[::core::prelude::v1::test]");
    test.extend(tokens);
    test
}

/// `needs!(HAS, WHAT)`: if HAS is false, the test ends here and is left out for lack of WHAT; with
/// `AZUP_TEST_ALL` set it fails.
#[proc_macro]
pub fn needs(arguments: TokenStream) -> TokenStream {
    parsed(&format!(
        r#"match ({arguments}) {{
            (true, _) => {{}}
            (false, what) if ::std::env::var_os("AZUP_TEST_ALL").is_some() =>
                ::std::panic!("{{what}} is missing"),
            (false, what) => ::std::panic::resume_unwind(::std::boxed::Box::new(::std::format!("left out: {{what}}"))),
        }}"#
    ))
}

fn parsed(text: &str) -> TokenStream {
    text.parse().expect("it is Rust")
}
