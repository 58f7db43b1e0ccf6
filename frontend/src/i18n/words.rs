//! The table of texts. Each entry has both languages, or does not compile.

use super::failure_words::{FAILURES_EN, FAILURES_FR, FailureWords};
use super::text::{Counted, Repeated, counted, table};

table! {
    Words, EN, FR;
    failures: FailureWords = FAILURES_EN, FAILURES_FR;
    units: [&'static str; 7] = shared::size::UNITS, ["o", "ko", "Mo", "Go", "To", "Po", "Eo"];
    home: &'static str = "Files", "Fichiers";
    skip_to_list: &'static str = "Skip to the list", "Aller à la liste";
    places: &'static str = "Navigation", "Navigation";
    menu: &'static str = "Menu", "Menu";
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
    clear_selection: &'static str = "Clear selection", "Tout désélectionner";
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
    size_without_folders: &'static str = "{size}, folders not counted", "{size}, dossiers non comptés";
    filter: &'static str = "Filter this folder", "Filtrer ce dossier";
    no_match: &'static str = "Nothing here matches “{text}”.",
        "Rien ici ne correspond à «\u{202f}{text}\u{202f}».";
    no_match_yet: &'static str = "Nothing matches “{text}” so far; the folder is still loading.",
        "Rien ne correspond encore à «\u{202f}{text}\u{202f}»\u{202f}; le dossier est en cours de chargement.";
    clear_filter: &'static str = "Clear the filter", "Effacer le filtre";
    empty: &'static str = "This folder is empty", "Ce dossier est vide";
    empty_advice: &'static str = "Files added on the server appear here.",
        "Les fichiers ajoutés sur le serveur apparaissent ici.";
    empty_drop: &'static str = "Drop files here.", "Déposez des fichiers ici.";
    folders: &'static str = "Folders", "Dossiers";
    folder: &'static str = "Folder", "Dossier";
    link: &'static str = "Link", "Lien";
    link_refused: &'static str = "Link that leads out of the shared folder", "Lien qui mène hors du dossier partagé";
    link_broken: &'static str = "Broken link: its target does not exist", "Lien rompu\u{202f}: sa cible n’existe pas";
    special: &'static str = "Special file: it cannot be opened",
        "Fichier spécial\u{202f}: il ne peut pas être ouvert";
    preparing: &'static str = "Preparing the download: {name}", "Préparation du téléchargement\u{202f}: {name}";
    started: &'static str = "Download started: {name} ({size})", "Téléchargement commencé\u{202f}: {name} ({size})";
    started_unsized: &'static str = "Download started: {name}", "Téléchargement commencé\u{202f}: {name}";
    wait_for_rows: &'static str = "The selection is still loading. Try again in a moment.",
        "La sélection est en cours de chargement. Réessayez dans un instant.";
    retry: &'static str = "Retry", "Réessayer";
    go_parent: &'static str = "Go to the folder above", "Aller au dossier parent";
    go_home: &'static str = "Go to all files", "Revenir à tous les fichiers";
    reference: &'static str = "Reference for the administrator: {id}", "Référence pour l’administrateur\u{202f}: {id}";
    offline: &'static str = "No connection to the server. What you see may be out of date.",
        "Pas de connexion au serveur. Ce que vous voyez n’est peut-être plus à jour.";
    retrying: &'static str = "Trying again automatically.", "Nouvel essai automatique.";
    read_only: &'static str = "Read-only", "Lecture seule";
    read_only_why: &'static str = "Read-only. The administrator can allow changes.",
        "Lecture seule. L’administrateur peut autoriser les modifications.";
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
    do_toggle: &'static str = "Select or deselect the row", "Sélectionner ou désélectionner la ligne";
    do_first_last: &'static str = "First and last row", "Première et dernière ligne";
    do_pages: &'static str = "One screen up or down", "Un écran vers le haut ou le bas";
    do_parent: &'static str = "Folder above", "Dossier parent";
    do_type_ahead: &'static str = "Jump to a name by typing it", "Atteindre un nom en le tapant";
    do_help: &'static str = "This list", "Cette liste";
    actions: &'static str = "Actions", "Actions";
    more: &'static str = "More", "Plus";
    new_folder: &'static str = "New folder", "Nouveau dossier";
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
    trash_empty_advice: &'static str = "Items you move to trash stay here until they are restored or deleted.",
        "Les éléments mis à la corbeille restent ici jusqu’à leur restauration ou leur suppression.";
    trash_contents: &'static str = "Contents of the trash", "Contenu de la corbeille";
    trash_more: &'static str = "Show more", "Afficher la suite";
    back_to_files: &'static str = "Back to the files", "Revenir aux fichiers";
    original_folder: &'static str = "Original folder", "Dossier d’origine";
    trashed_date: &'static str = "Moved to trash", "Mis à la corbeille";
    expiry_date: &'static str = "Deletes on", "Sera supprimé le";
    never: &'static str = "Never", "Jamais";
    disk_absent: &'static str = "Disk not connected", "Disque non connecté";
    name_empty: &'static str = "Enter a name.", "Saisissez un nom.";
    name_slash: &'static str = "A name cannot contain “/”.", "Un nom ne peut pas contenir «\u{202f}/\u{202f}».";
    name_dots: &'static str = "“.” and “..” are not names.", "«\u{202f}.\u{202f}» et «\u{202f}..\u{202f}» ne sont pas des noms.";
    name_long: &'static str = "This name is too long.", "Ce nom est trop long.";
    name_taken: &'static str = "“{name}” already exists here.", "«\u{202f}{name}\u{202f}» existe déjà ici.";
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
    doing_unknown: &'static str = "A change is running", "Une modification est en cours";
    made_one: &'static str = "“{name}” created", "«\u{202f}{name}\u{202f}» créé";
    renamed_one: &'static str = "“{old}” is now “{name}”",
        "«\u{202f}{old}\u{202f}» s’appelle maintenant «\u{202f}{name}\u{202f}»";
    moved_one: &'static str = "“{name}” moved to {folder}", "«\u{202f}{name}\u{202f}» déplacé vers {folder}";
    copied_one: &'static str = "“{name}” copied to {folder}", "«\u{202f}{name}\u{202f}» copié vers {folder}";
    trashed_one: &'static str = "“{name}” moved to trash", "«\u{202f}{name}\u{202f}» mis à la corbeille";
    deleted_one: &'static str = "“{name}” deleted forever", "«\u{202f}{name}\u{202f}» supprimé définitivement";
    restored_one: &'static str = "“{name}” restored", "«\u{202f}{name}\u{202f}» restauré";
    made_count: Counted = counted("{n} folder created", "{n} folders created", "{n} folders created"),
        counted("{n} dossier créé", "{n} de dossiers créés", "{n} dossiers créés");
    moved_count: Counted =
        counted("{n} item moved to {folder}", "{n} items moved to {folder}",
            "{n} items moved to {folder}"),
        counted("{n} élément déplacé vers {folder}", "{n} d’éléments déplacés vers {folder}",
            "{n} éléments déplacés vers {folder}");
    copied_count: Counted =
        counted("{n} item copied to {folder}", "{n} items copied to {folder}",
            "{n} items copied to {folder}"),
        counted("{n} élément copié vers {folder}", "{n} d’éléments copiés vers {folder}",
            "{n} éléments copiés vers {folder}");
    trashed_count: Counted = counted("{n} item moved to trash", "{n} items moved to trash", "{n} items moved to trash"),
        counted("{n} élément mis à la corbeille", "{n} d’éléments mis à la corbeille",
            "{n} éléments mis à la corbeille");
    deleted_count: Counted =
        counted("{n} item deleted forever", "{n} items deleted forever", "{n} items deleted forever"),
        counted("{n} élément supprimé définitivement", "{n} d’éléments supprimés définitivement",
            "{n} éléments supprimés définitivement");
    restored_count: Counted = counted("{n} item restored", "{n} items restored", "{n} items restored"),
        counted("{n} élément restauré", "{n} d’éléments restaurés", "{n} éléments restaurés");
    replaced_one: &'static str = "“{name}” replaced", "«\u{202f}{name}\u{202f}» remplacé";
    replaced_count: Counted = counted("{n} file replaced", "{n} files replaced", "{n} files replaced"),
        counted("{n} fichier remplacé", "{n} de fichiers remplacés", "{n} fichiers remplacés");
    replaced_lost_one: &'static str = "“{name}” replaced. The old file could not be kept.",
        "«\u{202f}{name}\u{202f}» remplacé. L’ancien fichier n’a pas pu être conservé.";
    replaced_lost_count: Counted =
        counted("{n} file replaced. The old file could not be kept.", "{n} files replaced. The old files could not be kept.",
            "{n} files replaced. The old files could not be kept."),
        counted("{n} fichier remplacé. L’ancien fichier n’a pas pu être conservé.",
            "{n} de fichiers remplacés. Les anciens fichiers n’ont pas pu être conservés.",
            "{n} fichiers remplacés. Les anciens fichiers n’ont pas pu être conservés.");
    similar_one: &'static str =
        "“{name}” and “{other}” look alike, but are two different files.",
        "«\u{202f}{name}\u{202f}» et «\u{202f}{other}\u{202f}» se ressemblent, mais ce sont deux fichiers différents.";
    similar_count: Counted =
        counted("{n} file has a name that looks the same as another", "{n} files have names that look the same as others",
            "{n} files have names that look the same as others"),
        counted("{n} fichier a un nom semblable à un autre", "{n} de fichiers ont un nom semblable à un autre",
            "{n} fichiers ont un nom semblable à un autre");
    skipped_count: Counted = counted("{n} item skipped", "{n} items skipped", "{n} items skipped"),
        counted("{n} élément ignoré", "{n} d’éléments ignorés", "{n} éléments ignorés");
    failed_count: Counted =
        counted("{n} item failed", "{n} items failed", "{n} items failed"),
        counted("Échec pour {n} élément", "Échec pour {n} d’éléments", "Échec pour {n} éléments");
    incomplete_count: Counted =
        counted("{n} item was not fully processed", "{n} items were not fully processed",
            "{n} items were not fully processed"),
        counted("{n} élément n’a pas été traité entièrement", "{n} d’éléments n’ont pas été traités entièrement",
            "{n} éléments n’ont pas été traités entièrement");
    more_failed_count: Counted = counted("and {n} more", "and {n} more", "and {n} more"),
        counted("et {n} autre", "et {n} d’autres", "et {n} autres");
    undone: Repeated = Repeated {
        made: "New folder undone",
        renamed: "Rename undone",
        moved: "Move undone",
        copied: "Copy undone",
        trashed: "Move to trash undone",
        deleted: "Deletion undone",
        restored: "Restore undone",
        replaced: "Replacement undone",
    }, Repeated {
        made: "Création annulée",
        renamed: "Renommage annulé",
        moved: "Déplacement annulé",
        copied: "Copie annulée",
        trashed: "Mise à la corbeille annulée",
        deleted: "Suppression annulée",
        restored: "Restauration annulée",
        replaced: "Remplacement annulé",
    };
    redone: Repeated = Repeated {
        made: "New folder redone",
        renamed: "Rename redone",
        moved: "Move redone",
        copied: "Copy redone",
        trashed: "Move to trash redone",
        deleted: "Deletion redone",
        restored: "Restore redone",
        replaced: "Replacement redone",
    }, Repeated {
        made: "Création rétablie",
        renamed: "Renommage rétabli",
        moved: "Déplacement rétabli",
        copied: "Copie rétablie",
        trashed: "Mise à la corbeille rétablie",
        deleted: "Suppression rétablie",
        restored: "Restauration rétablie",
        replaced: "Remplacement rétabli",
    };
    change_finished: &'static str = "An earlier change has finished", "Une modification précédente est terminée";
    nothing_to_undo: &'static str = "There is nothing to undo.", "Il n’y a rien à annuler.";
    nothing_to_redo: &'static str = "There is nothing to redo.", "Il n’y a rien à rétablir.";
    undo_waits: &'static str = "Waiting for the current change to finish.",
        "En attente de la fin de la modification en cours.";
    queue_full: &'static str = "Too many changes are waiting. Try again in a moment.",
        "Trop de modifications sont en attente. Réessayez dans un instant.";
    undo_failed: &'static str = "Undo failed. {why}", "Annulation impossible. {why}";
    redo_failed: &'static str = "Redo failed. {why}", "Rétablissement impossible. {why}";
    canceled: &'static str = "Stopped. What is done so far stays.", "Arrêté. Ce qui est déjà fait est conservé.";
    canceling: &'static str = "Stopping…", "Arrêt…";
    retrying_request: &'static str = "Connection lost. Trying again automatically.",
        "Connexion perdue. Nouvel essai automatique.";
    entries_per_second: &'static str = "{n} per second", "{n} par seconde";
    progress_entries: &'static str = "{n} of {total}", "{n} sur {total}";
    copied_to_clipboard: &'static str = "Copied. Open a folder and press Ctrl V.",
        "Prêt à copier\u{202f}: ouvrez un dossier, puis appuyez sur Ctrl V.";
    cut_to_clipboard: &'static str = "Cut. Open a folder and press Ctrl V.",
        "Prêt à déplacer\u{202f}: ouvrez un dossier, puis appuyez sur Ctrl V.";
    copied_by_touch: &'static str = "Copied. Open a folder and tap Paste.",
        "Prêt à copier\u{202f}: ouvrez un dossier, puis touchez Coller.";
    cut_by_touch: &'static str = "Cut. Open a folder and tap Paste.",
        "Prêt à déplacer\u{202f}: ouvrez un dossier, puis touchez Coller.";
    conflict_title: &'static str = "“{name}” already exists here", "«\u{202f}{name}\u{202f}» existe déjà ici";
    conflict_file: &'static str = "If you replace it, the one already here goes to the trash.",
        "En cas de remplacement, l’élément déjà présent sera mis à la corbeille.";
    conflict_folder: &'static str = "Merging puts the contents of both folders into one. This cannot be undone.",
        "La fusion réunit le contenu des deux dossiers. Cette action est irréversible.";
    conflict_kinds: &'static str = "A file cannot replace a folder, nor a folder a file.",
        "Un fichier ne peut pas remplacer un dossier, ni un dossier un fichier.";
    conflict_new: &'static str = "Incoming", "Nouveau";
    conflict_existing: &'static str = "Already here", "Déjà présent";
    apply_to_all: Counted =
        counted("Do the same for {n} other", "Do the same for {n} others", "Do the same for {n} others"),
        counted("Faire de même pour {n} autre", "Faire de même pour {n} d’autres", "Faire de même pour {n} autres");
    confirm_delete_one: &'static str = "“{name}” will be deleted forever. This cannot be undone.",
        "«\u{202f}{name}\u{202f}» sera supprimé définitivement. Cette action est irréversible.";
    confirm_delete_many: Counted =
        counted("{n} item will be deleted forever. This cannot be undone.",
            "{n} items will be deleted forever. This cannot be undone.",
            "{n} items will be deleted forever. This cannot be undone."),
        counted("{n} élément sera supprimé définitivement. Cette action est irréversible.",
            "{n} d’éléments seront supprimés définitivement. Cette action est irréversible.",
            "{n} éléments seront supprimés définitivement. Cette action est irréversible.");
    confirm_empty_trash: Counted =
        counted("The item in the trash will be deleted forever. This cannot be undone.",
            "The {n} items in the trash will be deleted forever. This cannot be undone.",
            "The {n} items in the trash will be deleted forever. This cannot be undone."),
        counted("L’élément de la corbeille sera supprimé définitivement. Cette action est irréversible.",
            "Les {n} d’éléments de la corbeille seront supprimés définitivement. Cette action est irréversible.",
            "Les {n} éléments de la corbeille seront supprimés définitivement. Cette action est irréversible.");
    no_folders: &'static str = "No folders here.", "Aucun dossier ici.";
    events_lost: &'static str = "Live updates are paused. Use Refresh.",
        "Mise à jour en direct interrompue. Actualisez.";
    do_clipboard: &'static str = "Cut, copy, paste", "Couper, copier, coller";
    do_undo: &'static str = "Undo, redo", "Annuler, rétablir";
    do_menu: &'static str = "Menu of the selection", "Menu de la sélection";
    key_delete: &'static str = "Del", "Suppr";
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
        counted("{n} was already here", "{n} were already here", "{n} were already here"),
        counted("{n} était déjà présent", "{n} étaient déjà présents", "{n} étaient déjà présents");
    uploads_skipped: Counted = counted("{n} skipped", "{n} skipped", "{n} skipped"),
        counted("{n} ignoré", "{n} ignorés", "{n} ignorés");
    uploads_verified: Counted = counted("verified", "all verified", "all verified"),
        counted("vérifié", "tous vérifiés", "tous vérifiés");
    uploads_need_user: Counted =
        counted("{n} file needs your decision", "{n} files need your decision",
            "{n} files need your decision"),
        counted("{n} fichier attend votre choix", "{n} de fichiers attendent votre choix",
            "{n} fichiers attendent votre choix");
    uploads_paused: &'static str = "Uploads paused", "Téléversements en pause";
    uploads_disconnected: &'static str = "Paused: connection lost. Will resume automatically.",
        "En pause\u{202f}: connexion perdue. Reprise automatique.";
    uploads_reading: Counted =
        counted("Reading the folder… {n} file", "Reading the folder… {n} files", "Reading the folder… {n} files"),
        counted("Lecture du dossier… {n} fichier", "Lecture du dossier… {n} de fichiers", "Lecture du dossier… {n} fichiers");
    uploads_announcement: &'static str = "Uploads: {n}% done", "Téléversements\u{202f}: {n}\u{202f}% effectués";
    upload_sent: &'static str = "{x} of {y}", "{x} sur {y}";
    upload_rate: &'static str = "{rate}/s", "{rate}/s";
    upload_remaining: &'static str = "{t} left", "encore {t}";
    upload_checking: &'static str = "Checking…", "Vérification de la destination…";
    upload_comparing: &'static str = "Comparing with the file already here…",
        "Comparaison avec le fichier déjà présent…";
    upload_waiting: &'static str = "Waiting", "En attente";
    upload_verifying: &'static str = "Verifying…", "Vérification…";
    upload_backoff: &'static str = "Failed. Trying again automatically.", "Échec. Nouvel essai automatique.";
    upload_paused: &'static str = "Paused at {x} of {y}", "En pause à {x} sur {y}";
    upload_file_missing: &'static str = "Unfinished: select this file again to continue from {x} of {y}",
        "Inachevé\u{202f}: sélectionnez à nouveau ce fichier pour reprendre à {x} sur {y}";
    upload_done: &'static str = "Uploaded", "Téléversé";
    upload_verified: &'static str = "Verified", "Vérifié";
    upload_identical: &'static str = "Already here, identical", "Déjà présent, identique";
    upload_skipped: &'static str = "Skipped", "Ignoré";
    upload_pause: &'static str = "Pause {name}", "Mettre en pause {name}";
    upload_resume: &'static str = "Resume {name}", "Reprendre {name}";
    upload_retry: &'static str = "Retry {name}", "Réessayer {name}";
    upload_cancel: &'static str = "Cancel {name}", "Annuler {name}";
    upload_dismiss: &'static str = "Remove {name} from the list", "Retirer {name} de la liste";
    upload_show: &'static str = "Show {name} in its folder", "Afficher {name} dans son dossier";
    upload_resolve: &'static str = "Choose what to do with {name}", "Choisir que faire de {name}";
    upload_select_file: &'static str = "Select {name} again", "Sélectionner à nouveau {name}";
    upload_progress: &'static str = "Progress of {name}", "Progression de {name}";
    uploads_progress: &'static str = "Progress of all uploads", "Progression de tous les téléversements";
    resolve: &'static str = "Decide…", "Choisir…";
    select_file: &'static str = "Select file…", "Sélectionner le fichier…";
    pause_all: &'static str = "Pause all", "Mettre en pause";
    resume_all: &'static str = "Resume all", "Tout reprendre";
    retry_all: &'static str = "Retry failed", "Réessayer les échecs";
    cancel_all: &'static str = "Cancel all", "Tout annuler";
    confirm_cancel_title: &'static str = "Cancel all uploads?", "Annuler tous les téléversements\u{202f}?";
    confirm_cancel: &'static str = "{x} already sent would be lost.", "{x} déjà envoyés seraient perdus.";
    keep_uploads: &'static str = "Keep uploading", "Continuer";
    clear_finished: &'static str = "Clear finished", "Retirer les terminés";
    hide_list: &'static str = "Hide list", "Masquer la liste";
    show_list: &'static str = "Show list", "Afficher la liste";
    next_problem: &'static str = "Show problems", "Voir les problèmes";
    drop_here: &'static str = "Drop to upload to “{name}”", "Déposez pour téléverser dans «\u{202f}{name}\u{202f}»";
    drop_read_only: &'static str = "Files cannot be uploaded here: this server is read-only.",
        "Impossible de téléverser ici\u{202f}: ce serveur est en lecture seule.";
    uploads_left_out: Counted =
        counted("{n} item could not be read and was left out.", "{n} items could not be read and were left out.",
            "{n} items could not be read and were left out."),
        counted("{n} élément illisible a été ignoré.", "{n} d’éléments illisibles ont été ignorés.",
            "{n} éléments illisibles ont été ignorés.");
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
            for (index, _) in text.char_indices().filter(|(_, sign)| ";!?:»".contains(*sign)) {
                let before = text[..index].chars().next_back();
                assert_eq!(before, Some('\u{202f}'), "{text}");
            }
            assert!(text.split('«').skip(1).all(|inside| inside.starts_with('\u{202f}')), "{text}");
            assert!(!text.contains('\''), "{text}");
        }
    }
}
