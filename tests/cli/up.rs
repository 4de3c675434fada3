//! `azup up` and `azup down`, with the real Azurite, Node.js, npm and Azure SDKs.

mod background;
mod refusals;
mod sdks;
mod site;
mod stopping;
