//! Symbolic links.

use shared::{ErrorCode, Kind, Link};

use super::{Fixture, check_error, check_link, content, last_segment, list, open, path, stat};

pub(super) fn links_inside_are_followed(fixture: &dyn Fixture) {
    fixture.file(b"a/b/file", b"content");
    fixture.link(b"to file", b"a/b/file");
    fixture.link(b"to folder", b"a/b");
    fixture.link(b"a/up", b"../a/./b//file");
    fixture.link(b"a/b/self", b".");
    fixture.link(b"a/to root", b"..");
    fixture.link(b"chain", b"to folder/self/../up");
    let check = |name: &[u8], target: &[u8]| {
        let entry = stat(fixture, name).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::File, 7), "{name:?}");
        assert_eq!(entry.link, Some(Link::Inside(target.to_vec())));
        assert_eq!(entry.path, path(name));
        let end = stat(fixture, b"a/b/file").unwrap();
        assert_eq!((entry.etag, entry.modified), (end.etag, end.modified));
        assert_eq!(open(fixture, name).unwrap().entry(), &entry);
        assert_eq!(content(fixture, name).unwrap(), b"content");
    };
    check(b"to file", b"a/b/file");
    check(b"a/up", b"../a/./b//file");
    check(b"chain", b"to folder/self/../up");

    let folder = stat(fixture, b"to folder").unwrap();
    assert_eq!((folder.kind, folder.link), (Kind::Folder, Some(Link::Inside(b"a/b".to_vec()))));
    assert_eq!(list(fixture, b"to folder").unwrap().len(), 2);
    for through in [b"to folder/file".as_slice(), b"a/to root/a/b/self/file", b"to folder/self/self/file"] {
        assert_eq!(content(fixture, through).unwrap(), b"content");
        let entry = stat(fixture, through).unwrap();
        assert_eq!((entry.path, entry.link), (path(through), None));
    }
    // The paths in a listing begin with the path of the request.
    let listed = list(fixture, b"a/to root/to folder").unwrap();
    assert_eq!(listed[b"file".as_slice()].path, path(b"a/to root/to folder/file"));
    check_error(fixture, b"to folder/nothing", ErrorCode::NotFound);
    check_error(fixture, b"to file/below", ErrorCode::NotFolder);
    // `..` is relative to the folder of the link, not to the path of the request.
    fixture.file(b"a/beside", b"beside");
    fixture.link(b"a/b/up", b"../beside");
    assert_eq!(content(fixture, b"to folder/up").unwrap(), b"beside");
}

pub(super) fn absolute_links_inside_are_followed(fixture: &dyn Fixture) {
    fixture.file(b"a/b/file", b"content");
    let absolute = |inner: &[u8]| [fixture.root().as_slice(), b"/", inner].concat();
    fixture.link(b"a/absolute", &absolute(b"a/b/file"));
    fixture.link(b"a/folder", &absolute(b"a/b"));
    fixture.link(b"a/b/root", &fixture.root());
    let entry = stat(fixture, b"a/absolute").unwrap();
    assert_eq!((entry.size, entry.link), (7, Some(Link::Inside(b"b/file".to_vec()))));
    assert_eq!(content(fixture, b"a/absolute").unwrap(), b"content");
    assert_eq!(content(fixture, b"a/folder/file").unwrap(), b"content");
    assert_eq!(content(fixture, b"a/b/root/a/folder/root/a/absolute").unwrap(), b"content");
    assert_eq!(stat(fixture, b"a/b/root").unwrap().link, Some(Link::Inside(b"../..".to_vec())));
    // The target is relative to the folder in which the link is.
    assert_eq!(list(fixture, b"a/folder").unwrap()[b"root".as_slice()].link, Some(Link::Inside(b"../..".to_vec())));
}

pub(super) fn links_that_lead_out_are_refused(fixture: &dyn Fixture) {
    fixture.file(b"a/file", b"content");
    fixture.link(b"a/to inside", b"file");
    let up_and_in = [b"../../".as_slice(), last_segment(&fixture.root()), b"/a/file"].concat();
    let targets: [&[u8]; 12] = [
        b"/etc/passwd",
        b"/etc",
        b"/",
        b"/nothing/at/all",
        b"../../etc/passwd",
        b"../..",
        b"../../secret",
        b"../a/../../secret",
        b"./.././../a/file",
        &up_and_in,
        &[fixture.root().as_slice(), b"/../secret"].concat(),
        &[fixture.root().as_slice(), b"/a/../../secret"].concat(),
    ];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("a/out {index}");
        let name = name.as_bytes();
        fixture.link(name, target);
        check_link(fixture, name, &Link::Escapes);
        let second = format!("over {index}");
        fixture.link(second.as_bytes(), name);
        check_link(fixture, second.as_bytes(), &Link::Escapes);
        check_error(fixture, &[name, b"/secret"].concat(), ErrorCode::LinkEscapes);
        check_error(fixture, &[name, b"/a/file"].concat(), ErrorCode::LinkEscapes);
    }
}

pub(super) fn absolute_targets_are_compared_by_segments(fixture: &dyn Fixture) {
    let beside = [fixture.root().as_slice(), b"2"].concat();
    let relative = [b"../".as_slice(), last_segment(&beside), b"/secret"].concat();
    fixture.link(b"absolute", &[beside.as_slice(), b"/secret"].concat());
    fixture.link(b"folder", &beside);
    fixture.link(b"relative", &relative);
    for name in [b"absolute".as_slice(), b"folder", b"relative"] {
        check_link(fixture, name, &Link::Escapes);
    }
    check_error(fixture, b"folder/secret", ErrorCode::LinkEscapes);
}

pub(super) fn dangling_links_and_loops_are_broken(fixture: &dyn Fixture) {
    fixture.file(b"file", b"content");
    fixture.folder(b"folder");
    let absolute = [fixture.root().as_slice(), b"/nothing"].concat();
    let links: [(&[u8], &[u8]); 11] = [
        (b"dangling", b"nothing"),
        (b"deep", b"nothing/below"),
        (b"absolute", &absolute),
        (b"self", b"self"),
        (b"ping", b"pong"),
        (b"pong", b"ping"),
        (b"growing", b"growing/x"),
        (b"below file", b"file/x"),
        (b"file as folder", b"file/"),
        (b"above file", b"file/../file"),
        (b"folder/to dangling", b"../dangling"),
    ];
    links.iter().for_each(|(name, target)| fixture.link(name, target));
    for (name, _) in links {
        check_link(fixture, name, &Link::Broken);
        check_error(fixture, &[name, b"/below"].concat(), ErrorCode::LinkBroken);
    }
}

pub(super) fn forty_links_are_followed_and_no_more(fixture: &dyn Fixture) {
    fixture.file(b"link 0", b"content");
    for number in 1..=41 {
        fixture.link(format!("link {number}").as_bytes(), format!("link {}", number - 1).as_bytes());
    }
    assert_eq!(content(fixture, b"link 40").unwrap(), b"content");
    check_link(fixture, b"link 41", &Link::Broken);
}

pub(super) fn the_state_folder_is_hidden(fixture: &dyn Fixture) {
    fixture.file(b"a/file", b"content");
    for folder in [b".passerelle".as_slice(), b"a/.passerelle", b"a/.Passerelle"] {
        fixture.file(&[folder, b"/secret"].concat(), b"secret");
        check_error(fixture, folder, ErrorCode::NotFound);
        check_error(fixture, &[folder, b"/secret"].concat(), ErrorCode::NotFound);
        check_error(fixture, &[folder, b"/nothing"].concat(), ErrorCode::NotFound);
        assert_eq!(list(fixture, folder).unwrap_err(), ErrorCode::NotFound);
    }
    fixture.file(b"b/.passerelle", b"even a file");
    check_error(fixture, b"b/.passerelle", ErrorCode::NotFound);
    assert!(list(fixture, b"b").unwrap().is_empty());
    let names: Vec<_> = list(fixture, b"").unwrap().into_keys().collect();
    assert_eq!(names, [b"a".to_vec(), b"b".to_vec()]);

    let absolute = [fixture.root().as_slice(), b"/.passerelle/secret"].concat();
    let targets: [&[u8]; 5] =
        [b".passerelle", b".passerelle/secret", b"a/../.passerelle/secret", b".passerelle/../a/file", &absolute];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("link {index}");
        fixture.link(name.as_bytes(), target);
        check_link(fixture, name.as_bytes(), &Link::Broken);
        check_error(fixture, format!("{name}/secret").as_bytes(), ErrorCode::LinkBroken);
    }
    fixture.link(b"to a", b"a");
    check_error(fixture, b"to a/.passerelle/secret", ErrorCode::NotFound);
    assert_eq!(list(fixture, b"to a").unwrap().len(), 1);
}
