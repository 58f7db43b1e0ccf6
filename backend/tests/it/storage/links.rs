//! Where links lead, and where they must not.

use shared::{ErrorCode, Kind, Link};

use super::{World, check_error, check_link, content, last_segment, list, open, path, stat};

pub(super) fn links_inside_are_followed(world: &dyn World) {
    world.file(b"a/b/file", b"content");
    world.link(b"to file", b"a/b/file");
    world.link(b"to folder", b"a/b");
    world.link(b"a/up", b"../a/./b//file");
    world.link(b"a/b/self", b".");
    world.link(b"a/to root", b"..");
    world.link(b"chain", b"to folder/self/../up");
    let check = |name: &[u8], target: &[u8]| {
        let entry = stat(world, name).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::File, 7), "{name:?}");
        assert_eq!(entry.link, Some(Link::Inside(target.to_vec())));
        assert_eq!(entry.path, path(name));
        let end = stat(world, b"a/b/file").unwrap();
        assert_eq!((entry.etag, entry.modified), (end.etag, end.modified));
        assert_eq!(open(world, name).unwrap().entry(), &entry);
        assert_eq!(content(world, name).unwrap(), b"content");
    };
    check(b"to file", b"a/b/file");
    check(b"a/up", b"../a/./b//file");
    check(b"chain", b"to folder/self/../up");

    let folder = stat(world, b"to folder").unwrap();
    assert_eq!((folder.kind, folder.link), (Kind::Folder, Some(Link::Inside(b"a/b".to_vec()))));
    assert_eq!(list(world, b"to folder").unwrap().len(), 2);
    for through in [b"to folder/file".as_slice(), b"a/to root/a/b/self/file", b"to folder/self/self/file"] {
        assert_eq!(content(world, through).unwrap(), b"content");
        let entry = stat(world, through).unwrap();
        assert_eq!((entry.path, entry.link), (path(through), None));
    }
    // Paths of a listing are those of the request.
    let listed = list(world, b"a/to root/to folder").unwrap();
    assert_eq!(listed[b"file".as_slice()].path, path(b"a/to root/to folder/file"));
    check_error(world, b"to folder/nothing", ErrorCode::NotFound);
    check_error(world, b"to file/below", ErrorCode::NotFolder);
    // `..` goes up from where the link is, not from where the request came by.
    world.file(b"a/beside", b"beside");
    world.link(b"a/b/up", b"../beside");
    assert_eq!(content(world, b"to folder/up").unwrap(), b"beside");
}

pub(super) fn absolute_links_inside_are_followed(world: &dyn World) {
    world.file(b"a/b/file", b"content");
    let absolute = |inner: &[u8]| [world.root().as_slice(), b"/", inner].concat();
    world.link(b"a/absolute", &absolute(b"a/b/file"));
    world.link(b"a/folder", &absolute(b"a/b"));
    world.link(b"a/b/root", &world.root());
    let entry = stat(world, b"a/absolute").unwrap();
    assert_eq!((entry.size, entry.link), (7, Some(Link::Inside(b"b/file".to_vec()))));
    assert_eq!(content(world, b"a/absolute").unwrap(), b"content");
    assert_eq!(content(world, b"a/folder/file").unwrap(), b"content");
    assert_eq!(content(world, b"a/b/root/a/folder/root/a/absolute").unwrap(), b"content");
    assert_eq!(stat(world, b"a/b/root").unwrap().link, Some(Link::Inside(b"../..".to_vec())));
    // The target is told as seen from where the link really is.
    assert_eq!(list(world, b"a/folder").unwrap()[b"root".as_slice()].link, Some(Link::Inside(b"../..".to_vec())));
}

pub(super) fn links_that_lead_out_are_refused(world: &dyn World) {
    world.file(b"a/file", b"content");
    world.link(b"a/to inside", b"file");
    let up_and_in = [b"../../".as_slice(), last_segment(&world.root()), b"/a/file"].concat();
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
        &[world.root().as_slice(), b"/../secret"].concat(),
        &[world.root().as_slice(), b"/a/../../secret"].concat(),
    ];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("a/out {index}");
        let name = name.as_bytes();
        world.link(name, target);
        check_link(world, name, &Link::Escapes);
        let second = format!("over {index}");
        world.link(second.as_bytes(), name);
        check_link(world, second.as_bytes(), &Link::Escapes);
        check_error(world, &[name, b"/secret"].concat(), ErrorCode::LinkEscapes);
        check_error(world, &[name, b"/a/file"].concat(), ErrorCode::LinkEscapes);
    }
}

pub(super) fn a_prefix_is_one_of_segments(world: &dyn World) {
    let beside = [world.root().as_slice(), b"2"].concat();
    let relative = [b"../".as_slice(), last_segment(&beside), b"/secret"].concat();
    world.link(b"absolute", &[beside.as_slice(), b"/secret"].concat());
    world.link(b"folder", &beside);
    world.link(b"relative", &relative);
    for name in [b"absolute".as_slice(), b"folder", b"relative"] {
        check_link(world, name, &Link::Escapes);
    }
    check_error(world, b"folder/secret", ErrorCode::LinkEscapes);
}

pub(super) fn links_to_nothing_and_circles_are_broken(world: &dyn World) {
    world.file(b"file", b"content");
    world.folder(b"folder");
    let absolute = [world.root().as_slice(), b"/nothing"].concat();
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
    links.iter().for_each(|(name, target)| world.link(name, target));
    for (name, _) in links {
        check_link(world, name, &Link::Broken);
        check_error(world, &[name, b"/below"].concat(), ErrorCode::LinkEscapes);
    }
}

pub(super) fn forty_links_are_followed_and_no_more(world: &dyn World) {
    world.file(b"link 0", b"content");
    for number in 1..=41 {
        world.link(format!("link {number}").as_bytes(), format!("link {}", number - 1).as_bytes());
    }
    assert_eq!(content(world, b"link 40").unwrap(), b"content");
    check_link(world, b"link 41", &Link::Broken);
}

pub(super) fn the_state_folder_does_not_exist(world: &dyn World) {
    world.file(b"a/file", b"content");
    for folder in [b".passerelle".as_slice(), b"a/.passerelle", b"a/.Passerelle"] {
        world.file(&[folder, b"/secret"].concat(), b"secret");
        check_error(world, folder, ErrorCode::NotFound);
        check_error(world, &[folder, b"/secret"].concat(), ErrorCode::NotFound);
        check_error(world, &[folder, b"/nothing"].concat(), ErrorCode::NotFound);
        assert_eq!(list(world, folder).unwrap_err(), ErrorCode::NotFound);
    }
    world.file(b"b/.passerelle", b"even a file");
    check_error(world, b"b/.passerelle", ErrorCode::NotFound);
    assert!(list(world, b"b").unwrap().is_empty());
    let names: Vec<_> = list(world, b"").unwrap().into_keys().collect();
    assert_eq!(names, [b"a".to_vec(), b"b".to_vec()]);

    let absolute = [world.root().as_slice(), b"/.passerelle/secret"].concat();
    let targets: [&[u8]; 5] =
        [b".passerelle", b".passerelle/secret", b"a/../.passerelle/secret", b".passerelle/../a/file", &absolute];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("link {index}");
        world.link(name.as_bytes(), target);
        check_link(world, name.as_bytes(), &Link::Broken);
        check_error(world, format!("{name}/secret").as_bytes(), ErrorCode::LinkEscapes);
    }
    world.link(b"to a", b"a");
    check_error(world, b"to a/.passerelle/secret", ErrorCode::NotFound);
    assert_eq!(list(world, b"to a").unwrap().len(), 1);
}
