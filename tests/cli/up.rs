//! `azup up` and `azup down`, with the real Azurite, Node.js, npm and Azure SDKs.

mod accounts;
mod background;
mod clients;
mod credential;
mod database;
mod documents;
mod dotnet;
mod download;
mod emulator;
mod forward;
mod install;
mod kit;
mod options;
mod projects;
mod refusals;
mod renewal;
mod run;
mod sdks;
mod serve;
mod site;
mod status;
mod stopping;
mod until_eof;
