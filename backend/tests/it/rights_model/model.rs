//! What a caller may do, and what comes of it, as naively as can be: walk up, collect, stop. Paths are texts, rights
//! are bits. It shares no code with the server.

use std::collections::BTreeMap;

pub(super) const LIST: u32 = 1;
pub(super) const READ: u32 = 2;
pub(super) const CREATE: u32 = 4;
pub(super) const REPLACE: u32 = 8;
pub(super) const DELETE: u32 = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Node {
    Folder,
    File(Vec<u8>),
    Link(String),
}

/// Why something is not done: not there for the caller, not allowed, or impossible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum No {
    Hidden,
    Forbidden,
    Fault,
}

pub(super) type Answer<T> = Result<T, No>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conflict {
    Fail,
    Replace,
    KeepBoth,
    Skip,
}

/// Something in the trash.
#[derive(Clone, Debug)]
pub(super) struct Thrown {
    pub(super) path: String,
    nodes: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    /// Without the root.
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) trash: Vec<Thrown>,
    pub(super) base: String,
    pub(super) grants: Vec<(String, u32)>,
}

pub(super) fn join(folder: &str, name: &str) -> String {
    [folder, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_below(folder: &str, path: &str) -> bool {
    path != folder && (folder.is_empty() || path.starts_with(&format!("{folder}/")))
}

fn is_in(folder: &str, path: &str) -> bool {
    path == folder || is_below(folder, path)
}

fn is_drop(rights: u32) -> bool {
    rights & (CREATE | LIST) == CREATE
}

impl Model {
    pub(super) fn rights(&self, path: &str) -> u32 {
        let mut rights = 0;
        let mut at = path;
        loop {
            for (_, granted) in self.grants.iter().filter(|(folder, _)| folder == at) {
                rights |= granted;
            }
            if at.is_empty() {
                return rights;
            }
            at = parent(at);
        }
    }

    pub(super) fn anywhere(&self) -> u32 {
        let reached = self.grants.iter().filter(|(at, _)| is_in(at, &self.base) || is_in(&self.base, at));
        reached.fold(0, |rights, (_, granted)| rights | granted)
    }

    /// The names in a folder that lead to a grant below it.
    fn names_on_the_way(&self, folder: &str) -> Vec<String> {
        let below = self.grants.iter().filter(|(at, _)| is_below(folder, at));
        let mut names: Vec<_> = below
            .map(|(at, _)| at[folder.len()..].trim_start_matches('/').split('/').next().unwrap().to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn check(&self, wanted: u32, path: &str) -> Answer<()> {
        let held = self.rights(path);
        let on_the_way = !self.names_on_the_way(path).is_empty();
        match held & wanted == wanted && held != 0 {
            true => Ok(()),
            false if on_the_way => Err(No::Forbidden),
            false if held == 0 => Err(No::Hidden),
            false if is_drop(held) && wanted & (LIST | READ) != 0 => Err(No::Hidden),
            false => Err(No::Forbidden),
        }
    }

    fn may(&self, wanted: u32, path: &str) -> bool {
        is_in(&self.base, path) && self.rights(path) & wanted == wanted
    }

    fn may_pass(&self, wanted: u32, path: &str) -> bool {
        let leads_on = |at: &str| is_in(path, at) && self.may(wanted, at);
        is_in(path, &self.base) || self.may(wanted, path) || self.grants.iter().any(|(at, _)| leads_on(at))
    }

    pub(super) fn node(&self, path: &str) -> Option<&Node> {
        if path.is_empty() { Some(&Node::Folder) } else { self.nodes.get(path) }
    }

    fn is_folder(&self, path: &str) -> bool {
        self.node(path) == Some(&Node::Folder)
    }

    /// Where a path leads, links followed.
    fn walk(&self, wanted: u32, path: &str) -> Answer<String> {
        self.walk_from(wanted, "", path, false)
    }

    fn walk_from(&self, wanted: u32, start: &str, way: &str, of_link: bool) -> Answer<String> {
        let steps = |way: &str, of_link| way.rsplit('/').map(|name| (name.to_owned(), of_link)).collect::<Vec<_>>();
        let (mut at, mut todo, mut confined, mut links) = (start.to_owned(), steps(way, of_link), of_link, 0);
        while let Some((name, of_link)) = todo.pop() {
            if !self.is_folder(&at) {
                return Err(No::Fault);
            }
            match &*name {
                "" | "." => continue,
                ".." if at.is_empty() => return Err(No::Fault),
                ".." => {
                    at = parent(&at).to_owned();
                    continue;
                }
                _ => {}
            }
            let next = join(&at, &name);
            if confined && !self.may_pass(wanted, &next) {
                return Err(No::Fault);
            }
            match self.node(&next) {
                None => return Err(if of_link { No::Fault } else { No::Hidden }),
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > 39 {
                        return Err(No::Fault);
                    }
                    confined = true;
                    match target.strip_prefix("/memory/") {
                        Some(inside) => {
                            at.clear();
                            todo.extend(steps(inside, true));
                        }
                        None => todo.extend(steps(target, true)),
                    }
                }
                Some(_) => at = next,
            }
        }
        if confined && !self.may(wanted, &at) { Err(No::Fault) } else { Ok(at) }
    }

    /// The path of an entry whose folder is reached through links, the last name not followed.
    fn entry(&self, wanted: u32, path: &str) -> Answer<Option<String>> {
        if path.is_empty() {
            return Ok(Some(String::new()));
        }
        let folder = match self.walk(wanted, parent(path)) {
            Err(No::Hidden) => return Ok(None),
            folder => folder?,
        };
        if !self.is_folder(&folder) {
            return Err(No::Fault);
        }
        Ok(Some(join(&folder, name(path))).filter(|real| self.node(real).is_some()))
    }

    fn existing(&self, wanted: u32, path: &str) -> Answer<String> {
        self.entry(wanted, path)?.ok_or(No::Hidden)
    }

    /// Where an entry leads, a link followed.
    fn end(&self, wanted: u32, real: &str) -> Answer<String> {
        match self.node(real) {
            Some(Node::Link(target)) => match target.strip_prefix("/memory/") {
                Some(inside) => self.walk_from(wanted, "", inside, true),
                None => self.walk_from(wanted, parent(real), target, true),
            },
            _ => Ok(real.to_owned()),
        }
    }

    /// An entry as it is shown.
    fn describe(&self, wanted: u32, real: &str) -> String {
        let link = if matches!(self.node(real), Some(Node::Link(_))) { "link " } else { "" };
        match self.end(wanted, real).ok().and_then(|end| self.node(&end)) {
            Some(Node::Folder) => format!("{link}folder"),
            Some(Node::File(content)) => format!("{link}file {}", content.len()),
            _ => link.to_owned(),
        }
    }

    /// A folder on the way to a grant.
    fn bare(&self, real: &str) -> Answer<String> {
        if self.is_folder(real) { Ok("bare folder".into()) } else { Err(No::Hidden) }
    }

    pub(super) fn stat(&self, path: &str) -> Answer<String> {
        if self.rights(path) & LIST != 0 {
            return self.existing(LIST, path).map(|real| self.describe(LIST, &real));
        }
        if self.names_on_the_way(path).is_empty() {
            self.check(LIST, path)?;
        }
        self.bare(&self.existing(LIST, path)?)
    }

    /// The entries of a folder, by name.
    fn children(&self, wanted: u32, path: &str) -> Answer<BTreeMap<String, String>> {
        if self.rights(path) & LIST == 0 {
            self.bare(&self.existing(wanted, path)?)?;
            let mut shown = BTreeMap::new();
            for name in self.names_on_the_way(path) {
                let inner = join(path, &name);
                let Some(real) = self.entry(wanted, &inner)? else { continue };
                if self.rights(&inner) & LIST != 0 {
                    shown.insert(name, self.describe(wanted, &real));
                } else if let Ok(bare) = self.bare(&real) {
                    shown.insert(name, bare);
                }
            }
            return Ok(shown);
        }
        let folder = self.walk(wanted, path)?;
        if !self.is_folder(&folder) {
            return Err(No::Fault);
        }
        let children = self.nodes.keys().filter(|inner| is_below(&folder, inner) && parent(inner) == folder);
        Ok(children.map(|inner| (name(inner).to_owned(), self.describe(wanted, inner))).collect())
    }

    pub(super) fn list(&self, path: &str) -> Answer<BTreeMap<String, String>> {
        if self.names_on_the_way(path).is_empty() {
            self.check(LIST, path)?;
        }
        self.children(LIST, path)
    }

    /// Every path below the start, and the start.
    pub(super) fn walk_tree(&self, start: &str) -> Answer<BTreeMap<String, String>> {
        if self.names_on_the_way(start).is_empty() {
            self.check(LIST, start)?;
        }
        let wanted = LIST | self.rights(start) & READ;
        let real = self.existing(wanted, start)?;
        let shown = if self.rights(start) & LIST != 0 { self.describe(wanted, &real) } else { self.bare(&real)? };
        let mut found = BTreeMap::from([(start.to_owned(), shown.clone())]);
        let mut folders = if shown.ends_with("folder") { vec![start.to_owned()] } else { Vec::new() };
        while let Some(folder) = folders.pop() {
            if self.rights(&folder) & LIST == 0 && self.names_on_the_way(&folder).is_empty() {
                continue;
            }
            for (name, shown) in self.children(wanted, &folder)? {
                let path = join(&folder, &name);
                if shown == "folder" || shown == "bare folder" {
                    folders.push(path.clone());
                }
                found.insert(path, shown);
            }
        }
        Ok(found)
    }

    pub(super) fn read(&self, path: &str) -> Answer<Vec<u8>> {
        self.check(READ, path)?;
        let end = self.end(READ, &self.existing(READ, path)?)?;
        match self.node(&end) {
            Some(Node::File(content)) => Ok(content.clone()),
            _ => Err(No::Fault),
        }
    }

    pub(super) fn watch(&self, path: &str) -> Answer<()> {
        self.list(path).map(drop)
    }

    /// The first free name beside a path, where the caller has these rights.
    fn beside(&self, wanted: u32, needed: u32, path: &str) -> Answer<String> {
        for number in 2.. {
            let path = format!("{path} ({number})");
            if self.rights(&path) & needed != needed {
                return Err(No::Forbidden);
            }
            if self.entry(wanted, &path)?.is_none() {
                return Ok(path);
            }
        }
        Err(No::Fault)
    }

    /// A path in a drop box, each of its folders beside what has the name and is no folder.
    fn beside_taken(&self, wanted: u32, path: &str) -> Answer<String> {
        if !is_drop(self.rights(path)) {
            return Ok(path.to_owned());
        }
        let mut at = String::new();
        for folder in parent(path).split('/').filter(|name| !name.is_empty()) {
            at = join(&at, folder);
            if !is_below(&self.base, &at) || !is_drop(self.rights(&at)) {
                continue;
            }
            let named = |number| if number == 1 { at.clone() } else { format!("{at} ({number})") };
            for beside in (1..=16).map(named).filter(|beside| is_drop(self.rights(beside))) {
                let is_free = match self.entry(wanted, &beside)? {
                    None => true,
                    Some(real) => self.end(wanted, &real).is_ok_and(|end| self.is_folder(&end)),
                };
                if is_free {
                    at = beside;
                    break;
                }
            }
        }
        Ok(join(&at, name(path)))
    }

    /// Makes the missing folders above a path.
    fn make_parents(&mut self, wanted: u32, path: &str) -> Answer<()> {
        // The way to a folder that is there may lead through links to folders that are not shown.
        if !parent(path).is_empty() && matches!(self.entry(wanted, parent(path)), Ok(Some(_))) {
            return Ok(());
        }
        let mut missing = Vec::new();
        let mut at = parent(path);
        while !at.is_empty() {
            missing.push(at.to_owned());
            at = parent(at);
        }
        for folder in missing.into_iter().rev() {
            if self.entry(wanted, &folder)?.is_none() {
                if self.rights(&folder) & CREATE == 0 {
                    return Err(No::Fault);
                }
                let real = join(&self.walk(wanted, parent(&folder))?, name(&folder));
                self.nodes.insert(real, Node::Folder);
            }
        }
        Ok(())
    }

    /// The path that the answer names; `None` if what is there stays.
    pub(super) fn upload(
        &mut self,
        path: &str,
        content: &[u8],
        conflict: Conflict,
        make: bool,
    ) -> Answer<Option<String>> {
        if self.anywhere() & (CREATE | REPLACE) == 0 {
            return Err(No::Forbidden);
        }
        let held = self.rights(path);
        if held & (CREATE | REPLACE) == 0 {
            return Err(self.check(REPLACE, path).unwrap_err());
        }
        let (creates, replaces) = (held & CREATE != 0, held & REPLACE != 0);
        let conflict = if is_drop(held) { Conflict::KeepBoth } else { conflict };
        if !creates && conflict != Conflict::Replace {
            return Err(No::Forbidden);
        }
        let writes = if conflict == Conflict::Replace { held & (CREATE | REPLACE) } else { CREATE };
        let used = held & LIST | writes;
        let (asked, path) = (path, &*self.beside_taken(used, path)?);
        if creates && (make || is_drop(held)) {
            self.make_parents(used, path)?;
        }
        let there = self.entry(used, path)?;
        let to = match (&there, conflict) {
            (None, _) if !creates && self.walk(used, parent(path)).is_err() => return Err(No::Fault),
            (None, _) if !creates => return Err(No::Forbidden),
            (None, _) => path.to_owned(),
            (Some(_), Conflict::KeepBoth) => self.beside(used, CREATE, path)?,
            (Some(_), Conflict::Skip) => return Ok(None),
            (Some(_), Conflict::Fail) => return Err(No::Fault),
            (Some(_), Conflict::Replace) if !replaces => return Err(No::Forbidden),
            (Some(real), Conflict::Replace) => {
                let end = self.end(used, real)?;
                if !matches!(self.node(&end), Some(Node::File(_))) {
                    return Err(No::Fault);
                }
                self.throw_away(&end);
                self.nodes.insert(end, Node::File(content.to_vec()));
                return Ok(Some(asked.to_owned()));
            }
        };
        let above = self.walk(used, parent(&to)).map_err(|_| No::Fault)?;
        self.nodes.insert(join(&above, name(&to)), Node::File(content.to_vec()));
        Ok(Some(if is_drop(held) { asked.to_owned() } else { to }))
    }

    fn take(&mut self, real: &str) -> BTreeMap<String, Node> {
        let paths: Vec<_> = self.nodes.keys().filter(|path| is_in(real, path)).cloned().collect();
        paths.into_iter().map(|path| (path[real.len()..].to_owned(), self.nodes.remove(&path).unwrap())).collect()
    }

    fn put(&mut self, real: &str, nodes: BTreeMap<String, Node>) {
        self.nodes.extend(nodes.into_iter().map(|(inner, node)| (format!("{real}{inner}"), node)));
    }

    fn throw_away(&mut self, real: &str) {
        let nodes = self.take(real);
        self.trash.push(Thrown { path: real.to_owned(), nodes });
    }

    fn may_ask(&self, needed: u32) -> Answer<()> {
        if self.anywhere() & needed == needed { Ok(()) } else { Err(No::Forbidden) }
    }

    pub(super) fn make_folder(&mut self, path: &str) -> Answer<()> {
        self.may_ask(LIST | CREATE)?;
        self.check(LIST | CREATE, path)?;
        let used = LIST | CREATE;
        if self.entry(used, path)?.is_some() {
            return Err(No::Fault);
        }
        self.make_parents(used, path)?;
        let real = join(&self.walk(used, parent(path))?, name(path));
        self.nodes.insert(real, Node::Folder);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str, keep: bool) -> Answer<()> {
        self.may_ask(DELETE)?;
        if path == self.base {
            return Err(No::Fault);
        }
        self.check(DELETE, path)?;
        let real = self.existing(DELETE, path)?;
        if keep {
            self.throw_away(&real)
        } else {
            drop(self.take(&real))
        }
        Ok(())
    }

    /// `None` for a merge, which this model leaves out.
    pub(super) fn transfer(&mut self, from: &str, to: &str, conflict: Conflict, moves: bool) -> Option<Answer<()>> {
        let needed = LIST | CREATE | if moves { DELETE } else { READ };
        if let Err(no) = self.may_ask(needed) {
            return Some(Err(no));
        }
        if from == self.base || to == self.base || is_below(from, to) {
            return Some(Err(No::Fault));
        }
        if is_below(to, from) && conflict == Conflict::Replace {
            return Some(Err(No::Fault));
        }
        let replace = if conflict == Conflict::Replace { REPLACE } else { 0 };
        let used = needed | self.anywhere() & (replace | if moves { LIST | READ } else { 0 });
        let at_source = if moves { DELETE | self.anywhere() & (LIST | READ) } else { LIST | READ };
        let checked = self.check(LIST | CREATE, to).and_then(|()| self.check(at_source, from));
        if let Err(no) = checked {
            return Some(Err(no));
        }
        let ways = self.existing(used, from).map(|real| (real, self.entry(used, to)));
        let (real, there) = match ways {
            Ok((real, there)) => (real, there),
            Err(no) => return Some(Err(no)),
        };
        let source_is_folder = self.is_folder(&real);
        if source_is_folder && self.walk(used, parent(to)).is_ok_and(|above| is_in(&real, &above)) {
            return Some(Err(No::Fault));
        }
        let there = match there {
            Ok(there) => there,
            // The folder of the target is missing.
            Err(No::Hidden) => return Some(Err(No::Fault)),
            Err(no) => return Some(Err(no)),
        };
        let target = match (there, conflict) {
            (None, _) => to.to_owned(),
            (Some(_), Conflict::Fail) => return Some(Err(No::Fault)),
            (Some(_), Conflict::Skip) => return Some(Ok(())),
            (Some(_), Conflict::KeepBoth) => match self.beside(used, LIST | CREATE, to) {
                Ok(free) => free,
                Err(no) => return Some(Err(no)),
            },
            // Two links with one path, or an entry that is both: the model leaves them out with merges.
            (Some(there), Conflict::Replace) => match (source_is_folder, self.is_folder(&there)) {
                _ if there == real => return Some(Err(No::Fault)),
                (true, true) => return None,
                (true, false) | (false, true) => return Some(Err(No::Fault)),
                (false, false) if self.rights(to) & REPLACE == 0 => return Some(Err(No::Forbidden)),
                (false, false) => {
                    self.throw_away(&there);
                    to.to_owned()
                }
            },
        };
        let above = match self.walk(used, parent(&target)) {
            Ok(above) => above,
            Err(_) => return Some(Err(No::Fault)),
        };
        let nodes = self.take(&real);
        if !moves {
            self.put(&real, nodes.clone());
        }
        self.put(&join(&above, name(&target)), nodes);
        Some(Ok(()))
    }

    /// The items of the trash that the caller sees, by their paths below the base.
    pub(super) fn list_trash(&self) -> Answer<Vec<String>> {
        self.may_ask(LIST | DELETE)?;
        let mut seen: Vec<_> = self.trash.iter().filter(|item| self.may(LIST | DELETE, &item.path)).collect();
        seen.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(seen.into_iter().map(|item| item.path[self.base.len()..].trim_start_matches('/').to_owned()).collect())
    }

    pub(super) fn purge(&mut self, index: usize) -> Answer<()> {
        self.may_ask(LIST | DELETE)?;
        if !self.may(LIST | DELETE, &self.trash[index].path) {
            return Err(No::Fault);
        }
        self.trash.remove(index);
        Ok(())
    }

    /// Restores to where it was, or elsewhere, where nothing is in the way.
    pub(super) fn restore(&mut self, index: usize, to: Option<&str>) -> Answer<()> {
        self.may_ask(LIST | DELETE | CREATE)?;
        let was = self.trash[index].path.clone();
        if !self.may(LIST | DELETE, &was) {
            return Err(No::Fault);
        }
        let to = to.unwrap_or(&was).to_owned();
        if to == self.base {
            return Err(No::Fault);
        }
        if to != was {
            self.check(LIST | CREATE, &to)?;
        }
        let taken = LIST | DELETE | self.anywhere() & (LIST | READ);
        if self.rights(&to) & (LIST | CREATE) != LIST | CREATE || self.rights(&was) & taken != taken {
            return Err(No::Forbidden);
        }
        let used = LIST | DELETE | CREATE | self.anywhere() & READ;
        if self.entry(used, &to).is_ok_and(|there| there.is_some()) {
            return Err(No::Fault);
        }
        self.make_parents(used, &to).map_err(|_| No::Fault)?;
        let above = self.walk(used, parent(&to)).map_err(|_| No::Fault)?;
        if !self.is_folder(&above) {
            return Err(No::Fault);
        }
        let item = self.trash.remove(index);
        self.put(&join(&above, name(&to)), item.nodes);
        Ok(())
    }
}
