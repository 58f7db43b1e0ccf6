//! The table of texts. Each entry has both languages, or does not compile.

use super::text::{Counted, Explained};

macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty = $en:expr, $fr:expr;)*) => {
        /// The texts of the page in one language.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub struct Words { $($(#[doc = $doc])* pub $name: $kind,)* }
        pub(super) const EN: Words = Words { $($name: $en,)* };
        pub(super) const FR: Words = Words { $($name: $fr,)* };
    };
}

const fn counted(one: &'static str, many: &'static str, other: &'static str) -> Counted {
    Counted { one, many, other }
}

const fn explained(title: &'static str, advice: &'static str) -> Explained {
    Explained { title, advice }
}

words! {
    units: [&'static str; 7] = shared::size::UNITS, ["o", "ko", "Mo", "Go", "To", "Po", "Eo"];
    home: &'static str = "Files", "Fichiers";
    skip_to_list: &'static str = "Skip to the list", "Aller à la liste";
    places: &'static str = "Places", "Emplacements";
    menu: &'static str = "Places", "Emplacements";
    close: &'static str = "Close", "Fermer";
    up: &'static str = "Up", "Remonter";
    path: &'static str = "Path", "Chemin";
    hidden_folders: &'static str = "Folders in between", "Dossiers intermédiaires";
    files_in: &'static str = "Contents of {name}", "Contenu de {name}";
    name: &'static str = "Name", "Nom";
    size: &'static str = "Size", "Taille";
    modified: &'static str = "Modified", "Modifié";
    sort: &'static str = "Sort", "Trier";
    sort_by: &'static str = "Sort by", "Trier par";
    ascending: &'static str = "Ascending", "Croissant";
    descending: &'static str = "Descending", "Décroissant";
    refresh: &'static str = "Refresh", "Actualiser";
    refreshing: &'static str = "Refreshing…", "Actualisation…";
    loading: &'static str = "Loading…", "Chargement…";
    loading_rows: &'static str = "{n} of {total} loaded", "{n} sur {total} chargés";
    select_all: &'static str = "Select all", "Tout sélectionner";
    select_row: &'static str = "Select {name}", "Sélectionner {name}";
    clear_selection: &'static str = "Clear", "Désélectionner";
    download: &'static str = "Download", "Télécharger";
    open: &'static str = "Open", "Ouvrir";
    cancel: &'static str = "Cancel", "Annuler";
    items: Counted = counted("{n} item", "{n} items", "{n} items"),
        counted("{n} élément", "{n} d’éléments", "{n} éléments");
    selected: Counted =
        counted("{n} item selected", "{n} items selected", "{n} items selected"),
        counted("{n} élément sélectionné", "{n} d’éléments sélectionnés", "{n} éléments sélectionnés");
    matching: Counted = counted("{n} match", "{n} matches", "{n} matches"),
        counted("{n} résultat", "{n} de résultats", "{n} résultats");
    more_folders: Counted =
        counted("{n} more folder", "{n} more folders", "{n} more folders"),
        counted("{n} autre dossier", "{n} d’autres dossiers", "{n} autres dossiers");
    size_in_parentheses: &'static str = "({size})", "({size})";
    size_without_folders: &'static str = "({size} without the folders)", "({size} hors dossiers)";
    filter: &'static str = "Filter this folder", "Filtrer ce dossier";
    no_match: &'static str = "Nothing here matches “{text}”.",
        "Rien ici ne correspond à «\u{a0}{text}\u{a0}».";
    no_match_yet: &'static str = "Nothing matches “{text}” so far; the folder is still loading.",
        "Rien ne correspond encore à «\u{a0}{text}\u{a0}»\u{202f}; le dossier est en cours de chargement.";
    clear_filter: &'static str = "Clear the filter", "Effacer le filtre";
    empty: &'static str = "This folder is empty", "Ce dossier est vide";
    empty_advice: &'static str = "Files that are put into it on the server appear here.",
        "Les fichiers qui y sont déposés sur le serveur apparaissent ici.";
    empty_drop: &'static str = "Drop files here.", "Déposez des fichiers ici.";
    folder: &'static str = "Folder", "Dossier";
    link: &'static str = "Link", "Lien";
    link_refused: &'static str = "Link that leads out of the served folder", "Lien qui mène hors du dossier servi";
    special: &'static str = "Special file, cannot be opened", "Fichier spécial, ne peut pas être ouvert";
    preparing: &'static str = "Preparing the download: {name}", "Préparation du téléchargement\u{a0}: {name}";
    started: &'static str = "Download started: {name} ({size})", "Téléchargement commencé\u{a0}: {name} ({size})";
    started_unsized: &'static str = "Download started: {name}", "Téléchargement commencé\u{a0}: {name}";
    download_failed: &'static str = "{name} was not downloaded. {why}", "{name} n’a pas été téléchargé. {why}";
    wait_for_rows: &'static str = "The selection is still loading. Try again in a moment.",
        "La sélection est en cours de chargement. Réessayez dans un instant.";
    retry: &'static str = "Retry", "Réessayer";
    go_parent: &'static str = "Go to the folder above", "Aller au dossier parent";
    go_home: &'static str = "Go to the start", "Aller au début";
    reference: &'static str = "Reference for the administrator: {id}", "Référence pour l’administrateur\u{a0}: {id}";
    offline: &'static str = "No connection to the server. What you see may be out of date.",
        "Pas de connexion au serveur. Ce que vous voyez n’est peut-être plus à jour.";
    retrying: &'static str = "Trying again automatically.", "Nouvel essai automatique.";
    read_only: &'static str = "Read-only", "Lecture seule";
    read_only_why: &'static str =
        "This server lets you look and download. To allow changes, whoever runs it starts it with “--anonymous write”.",
        "Ce serveur permet de consulter et de télécharger. Pour autoriser les modifications, la personne qui le gère le \
         démarre avec «\u{a0}--anonymous write\u{a0}».";
    settings: &'static str = "Settings", "Réglages";
    theme: &'static str = "Theme", "Thème";
    theme_system: &'static str = "System", "Système";
    theme_light: &'static str = "Light", "Clair";
    theme_dark: &'static str = "Dark", "Sombre";
    language: &'static str = "Language", "Langue";
    version: &'static str = "Passerelle {version}", "Passerelle {version}";
    shortcuts: &'static str = "Shortcuts", "Raccourcis";
    shortcuts_title: &'static str = "Keyboard shortcuts", "Raccourcis clavier";
    key_ctrl: &'static str = "Ctrl", "Ctrl";
    key_shift: &'static str = "Shift", "Maj";
    key_alt: &'static str = "Alt", "Alt";
    key_space: &'static str = "Space", "Espace";
    key_home: &'static str = "Home", "Début";
    key_end: &'static str = "End", "Fin";
    key_page_up: &'static str = "PgUp", "Pg préc.";
    key_page_down: &'static str = "PgDn", "Pg suiv.";
    key_enter: &'static str = "Enter", "Entrée";
    key_backspace: &'static str = "Backspace", "Retour arrière";
    key_escape: &'static str = "Esc", "Échap";
    key_letters: &'static str = "Letters", "Lettres";
    do_move: &'static str = "Move and select", "Se déplacer et sélectionner";
    do_extend: &'static str = "Extend the selection", "Étendre la sélection";
    do_move_only: &'static str = "Move without selecting", "Se déplacer sans sélectionner";
    do_toggle: &'static str = "Select the row, or no longer", "Sélectionner la ligne, ou non";
    do_first_last: &'static str = "First and last row", "Première et dernière ligne";
    do_pages: &'static str = "One screen up or down", "Un écran vers le haut ou le bas";
    do_open: &'static str = "Open", "Ouvrir";
    do_parent: &'static str = "Folder above", "Dossier parent";
    do_select_all: &'static str = "Select all", "Tout sélectionner";
    do_clear: &'static str = "Clear the selection", "Annuler la sélection";
    do_type_ahead: &'static str = "Go to the next name that starts so", "Aller au prochain nom qui commence ainsi";
    do_filter: &'static str = "Filter this folder", "Filtrer ce dossier";
    do_help: &'static str = "This list", "Cette liste";
    actions: &'static str = "Actions", "Actions";
    more: &'static str = "More", "Plus";
    new_folder: &'static str = "New folder", "Nouveau dossier";
    new_folder_name: &'static str = "New folder", "Nouveau dossier";
    make_folder: &'static str = "Create the folder", "Créer le dossier";
    rename: &'static str = "Rename", "Renommer";
    new_name: &'static str = "New name", "Nouveau nom";
    move_to: &'static str = "Move to…", "Déplacer vers…";
    copy_to: &'static str = "Copy to…", "Copier vers…";
    move_here: &'static str = "Move here", "Déplacer ici";
    copy_here: &'static str = "Copy here", "Copier ici";
    duplicate: &'static str = "Duplicate", "Dupliquer";
    cut: &'static str = "Cut", "Couper";
    copy: &'static str = "Copy", "Copier";
    paste: &'static str = "Paste", "Coller";
    move_to_trash: &'static str = "Move to trash", "Mettre à la corbeille";
    delete_forever: &'static str = "Delete forever", "Supprimer définitivement";
    undo: &'static str = "Undo", "Annuler";
    redo: &'static str = "Redo", "Rétablir";
    skip_item: &'static str = "Skip", "Ignorer";
    replace: &'static str = "Replace", "Remplacer";
    merge: &'static str = "Merge", "Fusionner";
    keep_both: &'static str = "Keep both", "Conserver les deux";
    dismiss: &'static str = "Dismiss", "Masquer";
    trash: &'static str = "Trash", "Corbeille";
    restore: &'static str = "Restore", "Restaurer";
    empty_trash: &'static str = "Empty the trash", "Vider la corbeille";
    trash_empty: &'static str = "The trash is empty", "La corbeille est vide";
    trash_empty_advice: &'static str = "What you move to the trash waits here until it is restored or removed.",
        "Ce que vous mettez à la corbeille attend ici d’être restauré ou supprimé.";
    trash_contents: &'static str = "Contents of the trash", "Contenu de la corbeille";
    trash_more: &'static str = "Show more", "Afficher la suite";
    back_to_files: &'static str = "Back to the files", "Revenir aux fichiers";
    original_folder: &'static str = "Was in", "Se trouvait dans";
    trashed_date: &'static str = "Moved to trash", "Mis à la corbeille";
    expiry_date: &'static str = "Removed for good", "Suppression définitive";
    never: &'static str = "Never", "Jamais";
    name_empty: &'static str = "Enter a name.", "Saisissez un nom.";
    name_slash: &'static str = "A name cannot contain “/”.", "Un nom ne peut pas contenir «\u{a0}/\u{a0}».";
    name_dots: &'static str = "“.” and “..” are not names.", "«\u{a0}.\u{a0}» et «\u{a0}..\u{a0}» ne sont pas des noms.";
    name_long: &'static str = "This name is too long.", "Ce nom est trop long.";
    name_taken: &'static str = "Something here has this name already.", "Un élément d’ici porte déjà ce nom.";
    doing_made: Counted = counted("Creating a folder", "Creating {n} folders", "Creating {n} folders"),
        counted("Création d’un dossier", "Création de {n} de dossiers", "Création de {n} dossiers");
    doing_moved: Counted = counted("Moving {n} item", "Moving {n} items", "Moving {n} items"),
        counted("Déplacement de {n} élément", "Déplacement de {n} d’éléments", "Déplacement de {n} éléments");
    doing_copied: Counted = counted("Copying {n} item", "Copying {n} items", "Copying {n} items"),
        counted("Copie de {n} élément", "Copie de {n} d’éléments", "Copie de {n} éléments");
    doing_trashed: Counted =
        counted("Moving {n} item to the trash", "Moving {n} items to the trash", "Moving {n} items to the trash"),
        counted("Mise à la corbeille de {n} élément", "Mise à la corbeille de {n} d’éléments",
            "Mise à la corbeille de {n} éléments");
    doing_deleted: Counted = counted("Deleting {n} item", "Deleting {n} items", "Deleting {n} items"),
        counted("Suppression de {n} élément", "Suppression de {n} d’éléments", "Suppression de {n} éléments");
    doing_restored: Counted = counted("Restoring {n} item", "Restoring {n} items", "Restoring {n} items"),
        counted("Restauration de {n} élément", "Restauration de {n} d’éléments", "Restauration de {n} éléments");
    doing_unknown: &'static str = "A change is under way", "Une modification est en cours";
    made_one: &'static str = "“{name}” created", "«\u{a0}{name}\u{a0}» créé";
    renamed_one: &'static str = "“{name}” renamed", "«\u{a0}{name}\u{a0}» renommé";
    moved_one: &'static str = "“{name}” moved", "«\u{a0}{name}\u{a0}» déplacé";
    copied_one: &'static str = "“{name}” copied", "«\u{a0}{name}\u{a0}» copié";
    trashed_one: &'static str = "“{name}” moved to trash", "«\u{a0}{name}\u{a0}» mis à la corbeille";
    deleted_one: &'static str = "“{name}” deleted forever", "«\u{a0}{name}\u{a0}» supprimé définitivement";
    restored_one: &'static str = "“{name}” restored", "«\u{a0}{name}\u{a0}» restauré";
    made_count: Counted = counted("{n} folder created", "{n} folders created", "{n} folders created"),
        counted("{n} dossier créé", "{n} de dossiers créés", "{n} dossiers créés");
    moved_count: Counted = counted("{n} item moved", "{n} items moved", "{n} items moved"),
        counted("{n} élément déplacé", "{n} d’éléments déplacés", "{n} éléments déplacés");
    copied_count: Counted = counted("{n} item copied", "{n} items copied", "{n} items copied"),
        counted("{n} élément copié", "{n} d’éléments copiés", "{n} éléments copiés");
    trashed_count: Counted = counted("{n} item moved to trash", "{n} items moved to trash", "{n} items moved to trash"),
        counted("{n} élément mis à la corbeille", "{n} d’éléments mis à la corbeille",
            "{n} éléments mis à la corbeille");
    deleted_count: Counted =
        counted("{n} item deleted forever", "{n} items deleted forever", "{n} items deleted forever"),
        counted("{n} élément supprimé définitivement", "{n} d’éléments supprimés définitivement",
            "{n} éléments supprimés définitivement");
    restored_count: Counted = counted("{n} item restored", "{n} items restored", "{n} items restored"),
        counted("{n} élément restauré", "{n} d’éléments restaurés", "{n} éléments restaurés");
    replaced_one: &'static str = "“{name}” replaced", "«\u{a0}{name}\u{a0}» remplacé";
    replaced_count: Counted = counted("{n} file replaced", "{n} files replaced", "{n} files replaced"),
        counted("{n} fichier remplacé", "{n} de fichiers remplacés", "{n} fichiers remplacés");
    similar_one: &'static str =
        "“{name}” is beside “{other}”: the names look the same, but they are two files.",
        "«\u{a0}{name}\u{a0}» est à côté de «\u{a0}{other}\u{a0}»\u{a0}: les noms se ressemblent, mais ce sont deux fichiers.";
    similar_count: Counted =
        counted("{n} file has a name that looks the same as another", "{n} files have names that look the same as others",
            "{n} files have names that look the same as others"),
        counted("{n} fichier a un nom semblable à un autre", "{n} de fichiers ont un nom semblable à un autre",
            "{n} fichiers ont un nom semblable à un autre");
    skipped_count: Counted = counted("{n} item skipped", "{n} items skipped", "{n} items skipped"),
        counted("{n} élément ignoré", "{n} d’éléments ignorés", "{n} éléments ignorés");
    failed_count: Counted =
        counted("{n} item is as it was", "{n} items are as they were", "{n} items are as they were"),
        counted("{n} élément est resté tel quel", "{n} d’éléments sont restés tels quels",
            "{n} éléments sont restés tels quels");
    more_failed_count: Counted = counted("and {n} more", "and {n} more", "and {n} more"),
        counted("et {n} autre", "et {n} d’autres", "et {n} autres");
    undone: &'static str = "Undone", "Action annulée";
    redone: &'static str = "Done again", "Action rétablie";
    change_finished: &'static str = "A change is done", "Une modification est terminée";
    nothing_to_undo: &'static str = "There is nothing to undo.", "Il n’y a rien à annuler.";
    nothing_to_redo: &'static str = "There is nothing to redo.", "Il n’y a rien à rétablir.";
    undo_waits: &'static str = "This follows once the change under way is done.",
        "Ceci suivra dès que la modification en cours sera terminée.";
    queue_full: &'static str = "Too many changes are waiting already. Try again in a moment.",
        "Trop de modifications attendent déjà. Réessayez dans un instant.";
    item_failed: &'static str = "“{name}” is as it was. {why}", "«\u{a0}{name}\u{a0}» est resté tel quel. {why}";
    folder_failed: &'static str = "“{name}” was not created. {why}", "«\u{a0}{name}\u{a0}» n’a pas été créé. {why}";
    undo_failed: &'static str = "This cannot be undone any more. {why}", "Ceci ne peut plus être annulé. {why}";
    canceled: &'static str = "Stopped. What was done so far stays.", "Arrêté. Ce qui a été fait est conservé.";
    canceling: &'static str = "Stopping…", "Arrêt…";
    retrying_request: &'static str = "Connection lost. Trying again automatically.",
        "Connexion perdue. Nouvel essai automatique.";
    entries_per_second: &'static str = "{n} per second", "{n} par seconde";
    progress_entries: &'static str = "{n} of {total}", "{n} sur {total}";
    copied_to_clipboard: Counted =
        counted("{n} item copied. Paste it in a folder.", "{n} items copied. Paste them in a folder.",
            "{n} items copied. Paste them in a folder."),
        counted("{n} élément copié. Collez-le dans un dossier.", "{n} d’éléments copiés. Collez-les dans un dossier.",
            "{n} éléments copiés. Collez-les dans un dossier.");
    cut_to_clipboard: Counted =
        counted("{n} item cut. Paste it in a folder.", "{n} items cut. Paste them in a folder.",
            "{n} items cut. Paste them in a folder."),
        counted("{n} élément coupé. Collez-le dans un dossier.", "{n} d’éléments coupés. Collez-les dans un dossier.",
            "{n} éléments coupés. Collez-les dans un dossier.");
    conflict_title: &'static str = "This name is taken", "Ce nom est déjà pris";
    conflict_file: &'static str = "“{name}” is there already. What is replaced goes to the trash.",
        "«\u{a0}{name}\u{a0}» existe déjà. Ce qui est remplacé va à la corbeille.";
    conflict_folder: &'static str =
        "A folder “{name}” is there already. Merging puts the contents of both into one, which cannot be undone.",
        "Un dossier «\u{a0}{name}\u{a0}» existe déjà. La fusion réunit les deux contenus et ne peut pas être annulée.";
    conflict_kinds: &'static str = "“{name}” is there already, and a file cannot replace a folder or the other way round.",
        "«\u{a0}{name}\u{a0}» existe déjà, et un fichier ne peut pas remplacer un dossier, ni l’inverse.";
    conflict_new: &'static str = "New", "Nouveau";
    conflict_existing: &'static str = "There now", "En place";
    apply_to_all: Counted =
        counted("Do the same for {n} other", "Do the same for {n} others", "Do the same for {n} others"),
        counted("Faire de même pour {n} autre", "Faire de même pour {n} d’autres", "Faire de même pour {n} autres");
    confirm_delete_one: &'static str = "“{name}” will be deleted forever. This cannot be undone.",
        "«\u{a0}{name}\u{a0}» sera supprimé définitivement. Cette action ne peut pas être annulée.";
    confirm_delete_many: Counted =
        counted("{n} item will be deleted forever. This cannot be undone.",
            "{n} items will be deleted forever. This cannot be undone.",
            "{n} items will be deleted forever. This cannot be undone."),
        counted("{n} élément sera supprimé définitivement. Cette action ne peut pas être annulée.",
            "{n} d’éléments seront supprimés définitivement. Cette action ne peut pas être annulée.",
            "{n} éléments seront supprimés définitivement. Cette action ne peut pas être annulée.");
    confirm_empty_trash: Counted =
        counted("The item in the trash will be deleted forever. This cannot be undone.",
            "The {n} items in the trash will be deleted forever. This cannot be undone.",
            "The {n} items in the trash will be deleted forever. This cannot be undone."),
        counted("L’élément de la corbeille sera supprimé définitivement. Cette action ne peut pas être annulée.",
            "Les {n} d’éléments de la corbeille seront supprimés définitivement. Cette action ne peut pas être annulée.",
            "Les {n} éléments de la corbeille seront supprimés définitivement. Cette action ne peut pas être annulée.");
    no_folders: &'static str = "No folders in here.", "Aucun dossier ici.";
    events_lost: &'static str = "Changes by others do not appear by themselves at the moment.",
        "Les modifications des autres n’apparaissent pas d’elles-mêmes pour le moment.";
    do_clipboard: &'static str = "Cut, copy, paste", "Couper, copier, coller";
    do_undo: &'static str = "Undo, redo", "Annuler, rétablir";
    do_menu: &'static str = "Menu of the selection", "Menu de la sélection";
    key_delete: &'static str = "Del", "Suppr";
    name_exists: Explained = explained(
        "Something stands there already",
        "Choose another name, or move what is there out of the way."
    ), explained(
        "Un élément s’y trouve déjà",
        "Choisissez un autre nom, ou déplacez ce qui s’y trouve."
    );
    parent_missing: Explained = explained(
        "The folder is no longer there",
        "It was moved or deleted. Choose another one."
    ), explained(
        "Le dossier n’existe plus",
        "Il a été déplacé ou supprimé. Choisissez-en un autre."
    );
    into_itself: Explained = explained(
        "A folder cannot go into itself",
        "Choose a folder outside of it."
    ), explained(
        "Un dossier ne peut pas aller dans lui-même",
        "Choisissez un dossier en dehors de celui-ci."
    );
    changed_since: Explained = explained(
        "It has changed in the meantime",
        "Look at it again, then decide."
    ), explained(
        "L’élément a changé entre-temps",
        "Regardez-le de nouveau, puis décidez."
    );
    bad_name: Explained = explained(
        "The server’s system does not take this name",
        "Choose a shorter one, without special characters."
    ), explained(
        "Le système du serveur refuse ce nom",
        "Choisissez-en un plus court, sans caractères spéciaux."
    );
    server_full: Explained = explained(
        "There is not enough space on the server",
        "Empty the trash or remove what is no longer needed, then try again."
    ), explained(
        "Espace insuffisant sur le serveur",
        "Videz la corbeille ou supprimez ce qui n’est plus utile, puis réessayez."
    );
    cannot_write: Explained = explained(
        "The server may not change this place",
        "Its disk is read-only, or the system does not let it. Ask whoever runs the server."
    ), explained(
        "Le serveur ne peut pas modifier cet emplacement",
        "Son disque est en lecture seule, ou le système le lui refuse. Adressez-vous à la personne qui gère le serveur."
    );
    expired: Explained = explained(
        "It is no longer in the trash",
        "It was restored or removed for good in the meantime."
    ), explained(
        "L’élément n’est plus dans la corbeille",
        "Il a été restauré ou supprimé définitivement entre-temps."
    );
    upload: &'static str = "Upload", "Téléverser";
    upload_folder: &'static str = "Upload folder", "Téléverser un dossier";
    uploads: &'static str = "Uploads", "Téléversements";
    uploads_running: Counted =
        counted("Uploading {n} file", "Uploading {n} files", "Uploading {n} files"),
        counted("Téléversement de {n} fichier", "Téléversement de {n} de fichiers", "Téléversement de {n} fichiers");
    uploads_done: Counted =
        counted("{n} file uploaded", "{n} files uploaded", "{n} files uploaded"),
        counted("{n} fichier téléversé", "{n} de fichiers téléversés", "{n} fichiers téléversés");
    uploads_identical: Counted =
        counted("{n} was there already", "{n} were there already", "{n} were there already"),
        counted("{n} était déjà là", "{n} étaient déjà là", "{n} étaient déjà là");
    uploads_skipped: Counted = counted("{n} skipped", "{n} skipped", "{n} skipped"),
        counted("{n} ignoré", "{n} ignorés", "{n} ignorés");
    uploads_verified: Counted = counted("verified", "all verified", "all verified"),
        counted("vérifié", "tous vérifiés", "tous vérifiés");
    uploads_need_user: Counted =
        counted("{n} file needs you", "{n} files need you", "{n} files need you"),
        counted("{n} fichier vous attend", "{n} de fichiers vous attendent", "{n} fichiers vous attendent");
    uploads_paused: &'static str = "Uploads paused", "Téléversements en pause";
    uploads_disconnected: &'static str = "Paused: connection lost. Will resume automatically.",
        "En pause\u{a0}: connexion perdue. Reprise automatique.";
    uploads_reading: Counted =
        counted("Reading the folder… {n} file", "Reading the folder… {n} files", "Reading the folder… {n} files"),
        counted("Lecture du dossier… {n} fichier", "Lecture du dossier… {n} de fichiers", "Lecture du dossier… {n} fichiers");
    uploads_announcement: &'static str = "Uploads: {n}% done", "Téléversements\u{a0}: {n}\u{a0}% effectués";
    upload_sent: &'static str = "{x} of {y}", "{x} sur {y}";
    upload_rate: &'static str = "{rate}/s", "{rate}/s";
    upload_remaining: &'static str = "{t} left", "encore {t}";
    upload_checking: &'static str = "Checking…", "Vérification de la destination…";
    upload_comparing: &'static str = "Comparing with the file there…", "Comparaison avec le fichier en place…";
    upload_waiting: &'static str = "Waiting", "En attente";
    upload_verifying: &'static str = "Verifying…", "Vérification…";
    upload_backoff: &'static str = "Did not work; tries again by itself", "Échec\u{202f}; nouvel essai automatique";
    upload_paused: &'static str = "Paused at {x} of {y}", "En pause à {x} sur {y}";
    upload_conflict: &'static str = "A file with this name already exists", "Un fichier du même nom existe déjà";
    upload_file_missing: &'static str = "Unfinished: choose this file again to go on from {x} of {y}",
        "Inachevé\u{a0}: choisissez à nouveau ce fichier pour reprendre à {x} sur {y}";
    upload_done: &'static str = "Uploaded", "Téléversé";
    upload_verified: &'static str = "Verified", "Vérifié";
    upload_identical: &'static str = "Already there, identical", "Déjà là, identique";
    upload_skipped: &'static str = "Skipped", "Ignoré";
    upload_pause: &'static str = "Pause {name}", "Mettre en pause {name}";
    upload_resume: &'static str = "Resume {name}", "Reprendre {name}";
    upload_retry: &'static str = "Retry {name}", "Réessayer {name}";
    upload_cancel: &'static str = "Cancel {name}", "Annuler {name}";
    upload_dismiss: &'static str = "Take {name} off the list", "Retirer {name} de la liste";
    upload_show: &'static str = "Show {name} in its folder", "Afficher {name} dans son dossier";
    upload_resolve: &'static str = "Decide about {name}", "Choisir quoi faire de {name}";
    upload_select_file: &'static str = "Choose {name} again", "Choisir à nouveau {name}";
    upload_progress: &'static str = "Progress of {name}", "Progression de {name}";
    uploads_progress: &'static str = "Progress of all uploads", "Progression de tous les téléversements";
    resolve: &'static str = "Decide…", "Choisir…";
    select_file: &'static str = "Choose file…", "Choisir le fichier…";
    pause_all: &'static str = "Pause all", "Tout suspendre";
    resume_all: &'static str = "Resume all", "Tout reprendre";
    retry_all: &'static str = "Retry failed", "Réessayer les échecs";
    cancel_all: &'static str = "Cancel all", "Tout annuler";
    confirm_cancel_title: &'static str = "Cancel all uploads?", "Annuler tous les téléversements\u{202f}?";
    confirm_cancel: &'static str = "{x} were sent already, and would have to be sent again.",
        "{x} ont déjà été envoyés, et seraient à renvoyer.";
    keep_uploads: &'static str = "Keep them", "Les conserver";
    clear_finished: &'static str = "Clear finished", "Retirer les terminés";
    hide_list: &'static str = "Hide list", "Masquer la liste";
    show_list: &'static str = "Show list", "Afficher la liste";
    next_problem: &'static str = "Show problems", "Voir les problèmes";
    drop_here: &'static str = "Drop to upload to “{name}”", "Déposez pour téléverser dans «\u{a0}{name}\u{a0}»";
    drop_read_only: &'static str = "Files cannot be uploaded here: this server is read-only.",
        "Impossible de téléverser ici\u{a0}: ce serveur est en lecture seule.";
    uploads_left_out: Counted =
        counted("{n} item could not be read and was left out.", "{n} items could not be read and were left out.",
            "{n} items could not be read and were left out."),
        counted("{n} élément illisible a été laissé de côté.", "{n} d’éléments illisibles ont été laissés de côté.",
            "{n} éléments illisibles ont été laissés de côté.");
    upload_conflict_file: &'static str = "“{name}” is there already. What is replaced is gone for good.",
        "«\u{a0}{name}\u{a0}» existe déjà. Ce qui est remplacé est perdu.";
    upload_conflict_title: &'static str = "A file with this name already exists", "Un fichier du même nom existe déjà";
    upload_conflict_folder: &'static str = "A folder is called “{name}” already, and a file cannot replace it.",
        "Un dossier s’appelle déjà «\u{a0}{name}\u{a0}», et un fichier ne peut pas le remplacer.";
    upload_no_space: Explained = explained(
        "Not enough space: {x} more needed.",
        "Free some on the server, then retry."
    ), explained(
        "Espace insuffisant\u{a0}: il manque {x}.",
        "Libérez-en sur le serveur, puis réessayez."
    );
    upload_too_large: Explained = explained(
        "Too large",
        "The server does not take files of this size."
    ), explained(
        "Trop volumineux",
        "Le serveur n’accepte pas de fichiers de cette taille."
    );
    upload_forbidden: Explained = explained(
        "Not allowed",
        "The server does not let you write here."
    ), explained(
        "Non autorisé",
        "Le serveur ne vous permet pas d’écrire ici."
    );
    upload_folder_missing: Explained = explained(
        "Its folder cannot be made",
        "A file may be in its place: rename it and retry."
    ), explained(
        "Son dossier ne peut pas être créé",
        "Un fichier est peut-être à sa place\u{a0}: renommez-le."
    );
    upload_name_refused: Explained = explained(
        "The server does not take this name",
        "Rename the file and upload it again."
    ), explained(
        "Le serveur n’accepte pas ce nom",
        "Renommez le fichier et téléversez-le à nouveau."
    );
    upload_unreadable: Explained = explained(
        "The file can no longer be read",
        "It was changed or moved. Upload it again."
    ), explained(
        "Le fichier n’est plus lisible",
        "Il a été modifié ou déplacé. Téléversez-le à nouveau."
    );
    upload_damaged: Explained = explained(
        "What arrived is not the same",
        "Damaged on the way: retry to send it again."
    ), explained(
        "Ce qui est arrivé n’est pas identique",
        "Altéré en chemin\u{a0}: réessayez pour le renvoyer."
    );
    forbidden: Explained = explained(
        "You may not open this",
        "The server does not allow reading it. Ask whoever runs the server for access."
    ), explained(
        "Vous n’avez pas accès à cet emplacement",
        "Le serveur n’en autorise pas la lecture. Demandez l’accès à la personne qui gère le serveur."
    );
    missing: Explained = explained(
        "There is nothing here",
        "It may have been moved, renamed or deleted. Look for it in the folder above."
    ), explained(
        "Il n’y a rien ici",
        "L’élément a peut-être été déplacé, renommé ou supprimé. Cherchez-le dans le dossier parent."
    );
    not_folder: Explained = explained("This is a file", "It has no contents to list, but you can open or download it."),
        explained("Ceci est un fichier", "Il n’a pas de contenu à lister, mais vous pouvez l’ouvrir ou le télécharger.");
    not_served: Explained = explained(
        "This cannot be opened",
        "It is a link that leads out of the served folder, or not a regular file. The server never opens those."
    ), explained(
        "Ceci ne peut pas être ouvert",
        "C’est un lien qui mène hors du dossier servi, ou un fichier spécial. Le serveur ne les ouvre jamais."
    );
    proxy_limit: Explained = explained(
        "A proxy in front of the server refuses requests of this size",
        "Ask the administrator to raise the proxy’s limit for request bodies (client_max_body_size in nginx)."
    ), explained(
        "Un proxy devant le serveur refuse les requêtes de cette taille",
        "Demandez à l’administrateur d’augmenter la taille maximale des requêtes (client_max_body_size dans nginx)."
    );
    too_large: Explained = explained(
        "This is too much at once",
        "It is more than the server gives in one go. Choose fewer items, or one folder at a time."
    ), explained(
        "C’est trop à la fois",
        "C’est plus que ce que le serveur donne en une fois. Choisissez moins d’éléments, ou un dossier à la fois."
    );
    bad_address: Explained = explained(
        "This address is not right",
        "It names no folder. Start again from the beginning."
    ), explained(
        "Cette adresse n’est pas correcte",
        "Elle ne désigne aucun dossier. Repartez du début."
    );
    busy: Explained = explained(
        "The server is busy",
        "It asks for a moment of patience. The page tries again by itself."
    ), explained(
        "Le serveur est occupé",
        "Il demande un peu de patience. La page réessaie d’elle-même."
    );
    unreachable: Explained = explained(
        "The server cannot be reached",
        "Check your connection and that the server is running. The page tries again by itself."
    ), explained(
        "Le serveur est injoignable",
        "Vérifiez votre connexion et que le serveur fonctionne. La page réessaie d’elle-même."
    );
    broken: Explained = explained(
        "The server failed",
        "Something went wrong on its side. Try again; if it happens again, tell whoever runs the server."
    ), explained(
        "Le serveur a rencontré un problème",
        "Le problème est de son côté. Réessayez\u{202f}; si cela se reproduit, prévenez la personne qui gère le serveur."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_has_narrow_spaces_before_punctuation() {
        // The debug form contains every text of the table.
        let table = format!("{FR:?}").replace("\\u{a0}", "\u{a0}").replace("\\u{202f}", "\u{202f}");
        let texts = table.split('"').skip(1).step_by(2);
        for text in texts {
            for (index, sign) in text.char_indices().filter(|(_, sign)| ";!?:»".contains(*sign)) {
                let before = text[..index].chars().next_back();
                let expected = if ":»".contains(sign) { '\u{a0}' } else { '\u{202f}' };
                assert_eq!(before, Some(expected), "{text}");
            }
            assert!(!text.contains("« "), "{text}");
            assert!(!text.contains('\''), "{text}");
        }
    }
}
