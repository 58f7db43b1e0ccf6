//! Listings: a large folder whole and its first page, and the first page of a huge folder.

use super::super::{
    fixture::{Contender, Fixture},
    results::Results,
    table::{Better, Reading, Side, Table},
};
use crate::measure::{
    client::{self, Timed},
    data::{FOLDER, HUGE},
    peers::{Peer, ServerOptions},
    server::Server,
    statistics::median,
    verdict::Bound,
};
use xtask::repo::{Failure, Outcome};

const COLUMNS: &str = "Accept: application/vnd.passerelle.columns\r\n";
/// A limit above the size of every folder here, so that one request lists it all.
pub(crate) const WHOLE: &str = "?limit=1000000";
const PAGE_ROWS: usize = 1_000;
const MEBIBYTE: f64 = (1 << 20) as f64;
const MILLISECONDS: f64 = 1e3;
/// First pages after the cold one; their median counts as the warm time.
const WARM_PAGES: usize = 21;

pub(crate) fn large(fixture: &Fixture) -> Outcome<Results> {
    let rows = fixture.data.size.folder_files as usize;
    let target = Peer::Ours.listing(FOLDER);
    let whole = format!("{target}{WHOLE}");
    check(fixture, Peer::Ours, &whole, rows)?;
    check(fixture, Peer::Ours, &target, PAGE_ROWS)?;
    let others = fixture.peers.of(&[Peer::Nginx, Peer::Dufs, Peer::Copyparty]);
    for peer in &others {
        check(fixture, *peer, &peer.listing(FOLDER), rows)?;
    }

    let mut contenders = vec![
        ours(fixture, "passerelle", whole.clone(), "")?,
        ours(fixture, "passerelle, columns", whole.clone(), COLUMNS)?,
        cold(fixture, "passerelle, just started", whole),
    ];
    for peer in others {
        let target = peer.listing(FOLDER);
        contenders.push(Contender::of_server(
            peer.name(),
            peer,
            fixture.start(peer, ServerOptions::default())?,
            move |server| listed(server, &target, ""),
        ));
    }
    let mut table = table(format!("a folder of {rows}, whole"), fixture.alternate(contenders)?);
    table.goal_against("the whole of a large folder", &[(Peer::Dufs, 5.0), (Peer::Nginx, 1.0)]);

    let mut contenders = vec![
        ours(fixture, "passerelle", target.clone(), "")?,
        ours(fixture, "passerelle, columns", target.clone(), COLUMNS)?,
        cold(fixture, "passerelle, just started", target),
    ];
    if let [dufs] = fixture.peers.of(&[Peer::Dufs])[..] {
        let server = fixture.start(dufs, ServerOptions::default())?;
        let target = dufs.listing(FOLDER);
        contenders.push(Contender::of_server("dufs, which has no pages", dufs, server, move |server| {
            listed(server, &target, "")
        }));
    }
    let mut first =
        self::table(format!("a folder of {rows}, first page of {PAGE_ROWS}"), fixture.alternate(contenders)?);
    first.goal_against("the first page of a large folder", &[(Peer::Dufs, 50.0)]);
    Ok(Results { tables: vec![table, first], charts: Vec::new() })
}

pub(crate) fn huge(fixture: &Fixture) -> Outcome<Results> {
    let rows = fixture.data.size.huge_files;
    let target = Peer::Ours.listing(HUGE);
    check(fixture, Peer::Ours, &target, PAGE_ROWS)?;
    let (mut first, mut warm, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..fixture.scale.rounds {
        let server = fixture.start(Peer::Ours, ServerOptions::default())?;
        let before = server.resident_memory();
        let begun = server.cpu();
        let reading = listed(&server, &target, "")?;
        first.push(Reading { cpu: server.cpu() - begun, ..reading });
        let pages = (0..WARM_PAGES).map(|_| listed(&server, &target, ""));
        let times = pages.map(|page| page.map(|page| page.value)).collect::<Outcome<Vec<_>>>()?;
        warm.push(Reading { value: median(&times), work: 1.0, ..Reading::default() });
        peaks.push(server.peak_memory().saturating_sub(before) as f64);
    }
    let side = |name: &str, readings| Side { name: name.into(), peer: None, readings, peak: None };
    let sides = vec![side("passerelle, just started", first), side("passerelle, warm", warm)];
    let mut table = table(format!("a folder of {rows}, first page of {PAGE_ROWS}"), sides);
    table.cpu_unit = None;
    let (cold, warm) = (table.sides[0].value(Better::Lower), table.sides[1].value(Better::Lower));
    table.verdict("first page of a huge folder, cold", cold / MILLISECONDS, "s", Bound::AtMost(1.0));
    table.verdict("first page of a huge folder, warm", warm, "ms", Bound::AtMost(20.0));
    let peak = median(&peaks);
    table.notes.push(format!(
        "A new server listed each cold page, with the kernel's cache of the folder warm. Its memory grew by {:.0} MiB \
         at most, {:.0} bytes for each entry.",
        peak / MEBIBYTE,
        peak / f64::from(rows)
    ));
    Ok(Results::table(table))
}

fn table(title: String, sides: Vec<Side>) -> Table {
    Table {
        title,
        unit: "ms",
        better: Better::Lower,
        cpu_unit: Some(("ms CPU each", MILLISECONDS)),
        sides,
        verdicts: Vec::new(),
        notes: Vec::new(),
    }
}

fn ours<'a>(fixture: &Fixture, name: &str, target: String, headers: &'a str) -> Outcome<Contender<'a>> {
    let server = fixture.start(Peer::Ours, ServerOptions::default())?;
    Ok(Contender::of_server(name, Peer::Ours, server, move |server| listed(server, &target, headers)))
}

/// With a new server for each reading, which has not read the folder yet.
fn cold<'a>(fixture: &'a Fixture, name: &str, target: String) -> Contender<'a> {
    Contender::alone(name, move || listed(&fixture.start(Peer::Ours, ServerOptions::default())?, &target, ""))
}

pub(crate) fn listed(server: &Server, target: &str, headers: &str) -> Outcome<Reading> {
    let Timed { status, first_byte, whole, .. } = client::get(server.address, target, headers, &mut |_| ())?;
    if status != 200 {
        return Err(Failure(format!("GET {target}: {status}")));
    }
    let first_byte = Some(first_byte * MILLISECONDS);
    Ok(Reading { value: whole * MILLISECONDS, work: 1.0, first_byte, ..Reading::default() })
}

/// # Errors
/// If the listing does not have that many entries.
fn check(fixture: &Fixture, peer: Peer, target: &str, rows: usize) -> Outcome<()> {
    let body = client::body(fixture.start(peer, ServerOptions::default())?.address, target, "")?;
    let found = entries(&String::from_utf8_lossy(&body), peer);
    if found == rows {
        return Ok(());
    }
    Err(Failure(format!("{} lists {found} entries of {rows} at {target}", peer.name())))
}

/// Counts a JSON member that each entry has once.
fn entries(json: &str, peer: Peer) -> usize {
    let member = if peer == Peer::Copyparty { "\"href\":" } else { "\"name\":" };
    json.matches(member).count()
}

#[cfg(test)]
mod tests {
    use super::{Peer, entries};

    #[test]
    fn entries_counts_the_members_of_each_server() {
        assert_eq!(entries(r#"[{"name":"a"},{"name":"b"}]"#, Peer::Nginx), 2);
        assert_eq!(entries(r#"{"files":[{"href": "a", "name": "x"}]}"#, Peer::Copyparty), 1);
    }
}
