//! Content security policies (CSP) of the page and of its workers.

use crate::gateway::http::html::csp_hash;

/// The policy of scripts that run as workers: a worker is subject to the policy of its own response, not to that of the
/// page. A script that the page loads is subject to the page's.
pub(super) const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// The policy of the page: it may run its own scripts, files and inline, and connect to its own origin.
pub(super) fn policy(index: &str) -> String {
    let hashes: String = inline_scripts(index).into_iter().map(|script| format!(" {}", csp_hash(script))).collect();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; style-src 'self'; \
         img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The text of each `<script>` without `src`, exactly as a browser hashes it.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let lower = html.to_ascii_lowercase();
    let mut at = 0;
    while let Some(start) = lower[at..].find("<script").map(|found| at + found) {
        let Some(open) = lower[start..].find('>').map(|found| start + found + 1) else { break };
        let Some(close) = lower[open..].find("</script").map(|found| open + found) else { break };
        if !lower[start..open].contains("src=") {
            scripts.push(&html[open..close]);
        }
        at = close;
    }
    scripts
}
