//! What Azurite does not have, or only on request: Data Lake's endpoint, and calls from web pages.

use anyhow::Result;

use super::azurite::blob;
use super::{Check, Context, Finding, Run};
use crate::azurite;
use crate::failure::shown;
use crate::project::notices::Notice;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "data-lake",
        title: "nothing here needs Data Lake's endpoint (dfs)",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(data_lake),
    },
    Check {
        id: "cors",
        title: "web pages may call Azurite (CORS)",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(cors),
    },
];

fn data_lake(context: &Context) -> Result<Finding> {
    if !context.is_project() {
        return Ok(Finding::skip("this is a home folder, and no project"));
    }
    let found = &context.told().data_lake;
    if found.is_empty() {
        return Ok(Finding::ok("no client and no address of it"));
    }
    let lines: Vec<String> = found.iter().map(Notice::text).collect();
    Ok(Finding::warn(lines.join("\n"))
        .titled("Azurite has no Data Lake endpoint (dfs), and refuses its clients")
        .by_hand(
            "the same files are blobs: with azup, use the blob client and the blob URL; what needs \
             folders or access lists has to run against the cloud",
        ))
}

fn cors(context: &Context) -> Result<Finding> {
    let Some(page) = context.told().pages.first() else {
        return Ok(Finding::skip(
            "no page of this project calls Azurite from a browser",
        ));
    };
    let origin = format!("http://localhost:{}", page.port);
    let what = format!(
        "{}: a page that {} serves calls Azurite from a browser",
        shown(&page.path),
        page.server
    );
    let Some(port) = blob(context)? else {
        let what = format!("{what}; azup up --cors {origin} lets it");
        return Ok(Finding::skip(what));
    };
    if azurite::allows(port, &origin, context.limit)? {
        return Ok(Finding::ok(format!("{origin} may call it")));
    }
    Ok(
        Finding::warn(format!("{what}, and no rule of Azurite's lets {origin}"))
            .titled("a browser refuses this project's page what it gets from Azurite (CORS)")
            .fix(format!("{} --cors {origin}", context.up())),
    )
}
