//! The texts about failures: what was not done, why, and what helps. [`super::failures`] chooses among them.

use super::text::{Explained, explained, table};

table! {
    FailureWords, FAILURES_EN, FAILURES_FR;
    not_opened: &'static str = "“{name}” was not opened.", "«\u{202f}{name}\u{202f}» n’a pas été ouvert.";
    not_downloaded: &'static str = "“{name}” was not downloaded.", "«\u{202f}{name}\u{202f}» n’a pas été téléchargé.";
    not_created: &'static str = "“{name}” was not created.", "«\u{202f}{name}\u{202f}» n’a pas été créé.";
    not_renamed: &'static str = "“{name}” was not renamed.", "«\u{202f}{name}\u{202f}» n’a pas été renommé.";
    not_moved: &'static str = "“{name}” was not moved.", "«\u{202f}{name}\u{202f}» n’a pas été déplacé.";
    not_copied: &'static str = "“{name}” was not copied.", "«\u{202f}{name}\u{202f}» n’a pas été copié.";
    not_trashed: &'static str = "“{name}” was not moved to trash.",
        "«\u{202f}{name}\u{202f}» n’a pas été mis à la corbeille.";
    not_deleted: &'static str = "“{name}” was not deleted.", "«\u{202f}{name}\u{202f}» n’a pas été supprimé.";
    not_restored: &'static str = "“{name}” was not restored.", "«\u{202f}{name}\u{202f}» n’a pas été restauré.";
    not_uploaded: &'static str = "“{name}” was not uploaded.", "«\u{202f}{name}\u{202f}» n’a pas été téléversé.";
    partly: &'static str = "“{name}” was processed only in part: “{inner}” failed.",
        "«\u{202f}{name}\u{202f}» n’a été traité qu’en partie\u{202f}: échec pour «\u{202f}{inner}\u{202f}».";
    uncertain: &'static str = "“{name}”: the result is unknown.",
        "«\u{202f}{name}\u{202f}»\u{202f}: résultat inconnu.";
    forbidden: Explained = explained(
        "You do not have access",
        "Ask the server’s administrator for access.",
    ), explained(
        "Vous n’avez pas accès à ce contenu",
        "Demandez l’accès à l’administrateur du serveur.",
    );
    forbidden_change: Explained = explained(
        "You are not allowed to make changes here",
        "Ask the server’s administrator for the right to do so.",
    ), explained(
        "Vous n’êtes pas autorisé à faire des modifications ici",
        "Demandez ce droit à l’administrateur du serveur.",
    );
    sign_in: Explained = explained(
        "You need to sign in",
        "Reload the page and sign in.",
    ), explained(
        "Vous devez vous connecter",
        "Rechargez la page et connectez-vous.",
    );
    unknown_host: Explained = explained(
        "The server does not accept this address",
        "Open it by another address, or ask its administrator to add this one (--host).",
    ), explained(
        "Le serveur n’accepte pas cette adresse",
        "Utilisez une autre adresse, ou demandez à l’administrateur d’ajouter celle-ci (--host).",
    );
    cross_site: Explained = explained(
        "The server took this for a request of another site",
        "Tell the administrator: behind a proxy, the server needs --host or the Host header.",
    ), explained(
        "Le serveur a pris cette demande pour celle d’un autre site",
        "Prévenez l’administrateur\u{202f}: derrière un proxy, il faut --host ou l’en-tête Host.",
    );
    proxy: Explained = explained(
        "Something between you and the server answered in its place",
        "Reload the page. If it happens again, tell the administrator that a proxy interferes.",
    ), explained(
        "Un intermédiaire a répondu à la place du serveur",
        "Rechargez la page. Si cela se reproduit, signalez à l’administrateur qu’un proxy intervient.",
    );
    folder_missing: Explained = explained(
        "We can’t find a folder at this address",
        "It may have been moved, renamed or deleted. Look for it in the folder above.",
    ), explained(
        "Aucun dossier à cette adresse",
        "Il a peut-être été déplacé, renommé ou supprimé. Cherchez-le dans le dossier parent.",
    );
    item_missing: Explained = explained(
        "It no longer exists",
        "It was moved, renamed or deleted in the meantime. Refresh the list.",
    ), explained(
        "L’élément n’existe plus",
        "Il a été déplacé, renommé ou supprimé entre-temps. Actualisez la liste.",
    );
    not_folder: Explained = explained(
        "This is a file",
        "It has no contents to list, but you can open or download it.",
    ), explained(
        "Ceci est un fichier",
        "Il n’a pas de contenu à afficher, mais vous pouvez l’ouvrir ou le télécharger.",
    );
    file_in_the_way: Explained = explained(
        "A file has the name of a folder that is needed",
        "Rename that file, or choose another folder.",
    ), explained(
        "Un fichier porte le nom d’un dossier nécessaire",
        "Renommez ce fichier, ou choisissez un autre dossier.",
    );
    folder_in_the_way: Explained = explained(
        "A folder with this name already exists",
        "A file cannot replace a folder. Choose another name.",
    ), explained(
        "Un dossier du même nom existe déjà",
        "Un fichier ne peut pas remplacer un dossier. Choisissez un autre nom.",
    );
    special: Explained = explained(
        "It is not a regular file",
        "It is a device, a socket or a pipe. The server lists these but never opens them.",
    ), explained(
        "Ce n’est pas un fichier ordinaire",
        "C’est un périphérique, un socket ou un tube. Le serveur les affiche mais ne les ouvre jamais.",
    );
    link_escapes: Explained = explained(
        "It is a link that leads out of the shared folder",
        "The server does not follow such links. Ask its administrator to share the target itself.",
    ), explained(
        "C’est un lien qui mène hors du dossier partagé",
        "Le serveur ne suit pas ces liens. Demandez à l’administrateur de partager la cible elle-même.",
    );
    link_broken: Explained = explained(
        "It is a link whose target does not exist",
        "The target was moved or deleted. Restore the target, or delete the link.",
    ), explained(
        "C’est un lien dont la cible n’existe pas",
        "La cible a été déplacée ou supprimée. Restaurez-la, ou supprimez le lien.",
    );
    changed: Explained = explained(
        "It has changed in the meantime",
        "Check it, then try again.",
    ), explained(
        "L’élément a changé entre-temps",
        "Vérifiez-le, puis réessayez.",
    );
    changed_download: Explained = explained(
        "The file changed while it was read",
        "Download it again.",
    ), explained(
        "Le fichier a changé pendant la lecture",
        "Téléchargez-le à nouveau.",
    );
    taken: Explained = explained(
        "An item with this name already exists",
        "Choose another name, or rename the other item.",
    ), explained(
        "Un élément du même nom existe déjà",
        "Choisissez un autre nom, ou renommez l’autre élément.",
    );
    not_empty: Explained = explained(
        "The folder is not empty",
        "Empty it first, or choose another name.",
    ), explained(
        "Le dossier n’est pas vide",
        "Videz-le d’abord, ou choisissez un autre nom.",
    );
    parent_missing: Explained = explained(
        "The folder for it no longer exists",
        "It was moved or deleted. Choose another folder.",
    ), explained(
        "Le dossier prévu n’existe plus",
        "Il a été déplacé ou supprimé. Choisissez-en un autre.",
    );
    into_itself: Explained = explained(
        "A folder cannot go into itself",
        "Choose a folder outside of it.",
    ), explained(
        "Un dossier ne peut pas aller dans lui-même",
        "Choisissez un dossier en dehors de celui-ci.",
    );
    expired_trash: Explained = explained(
        "It is no longer in the trash",
        "It was restored or deleted forever in the meantime.",
    ), explained(
        "L’élément n’est plus dans la corbeille",
        "Il a été restauré ou supprimé définitivement entre-temps.",
    );
    expired_upload: Explained = explained(
        "The server no longer has the unfinished upload",
        "Upload the file again.",
    ), explained(
        "Le serveur n’a plus le téléversement inachevé",
        "Téléversez le fichier à nouveau.",
    );
    expired: Explained = explained(
        "The server no longer knows of this",
        "Refresh the list, then try again.",
    ), explained(
        "Le serveur n’en a plus trace",
        "Actualisez la liste, puis réessayez.",
    );
    locked: Explained = explained(
        "It is in use",
        "Another request is still working on it. Try again in a moment.",
    ), explained(
        "L’élément est en cours d’utilisation",
        "Une autre opération l’utilise encore. Réessayez dans un instant.",
    );
    name_refused: Explained = explained(
        "The server’s file system does not allow this name",
        "Choose a shorter name, without special characters.",
    ), explained(
        "Le système de fichiers du serveur n’accepte pas ce nom",
        "Choisissez un nom plus court, sans caractères spéciaux.",
    );
    name_reserved: Explained = explained(
        "The name “.passerelle” is reserved",
        "The server keeps it for itself. Choose another name.",
    ), explained(
        "Le nom «\u{202f}.passerelle\u{202f}» est réservé",
        "Le serveur le garde pour lui. Choisissez un autre nom.",
    );
    name_too_long: Explained = explained(
        "The name is too long",
        "The server’s file system usually allows at most 255 bytes. Choose a shorter name.",
    ), explained(
        "Le nom est trop long",
        "Le système de fichiers du serveur accepte en général 255 octets au plus. Choisissez un nom plus court.",
    );
    proxy_limit: Explained = explained(
        "A proxy in front of the server refuses requests of this size",
        "Ask the administrator to raise the proxy’s limit for request bodies (client_max_body_size in nginx).",
    ), explained(
        "Un proxy devant le serveur refuse les requêtes de cette taille",
        "Demandez à l’administrateur d’augmenter la taille maximale des requêtes (client_max_body_size dans nginx).",
    );
    bad_name: Explained = explained(
        "This name or path cannot be used",
        "It may be too long. Choose a shorter one.",
    ), explained(
        "Ce nom ou ce chemin ne peut pas être utilisé",
        "Il est peut-être trop long. Choisissez-en un plus court.",
    );
    other_disk_trash: Explained = explained(
        "The disk that it is on has no trash",
        "Delete it forever instead.",
    ), explained(
        "Le disque de cet élément n’a pas de corbeille",
        "Supprimez-le définitivement.",
    );
    other_disk_restore: Explained = explained(
        "Its original folder is on another disk now",
        "An item can only be restored on the disk where it was deleted.",
    ), explained(
        "Son dossier d’origine est maintenant sur un autre disque",
        "Un élément ne peut être restauré que sur le disque où il a été supprimé.",
    );
    other_disk: Explained = explained(
        "The two folders are on different disks",
        "Copy it instead, then delete the original.",
    ), explained(
        "Les deux dossiers sont sur des disques différents",
        "Copiez l’élément, puis supprimez l’original.",
    );
    mounted: Explained = explained(
        "It is a disk of its own, or contains one",
        "It cannot be moved or deleted as a whole. Work with its contents instead.",
    ), explained(
        "L’élément est lui-même un disque, ou en contient un",
        "Il ne peut être ni déplacé ni supprimé en bloc. Agissez plutôt sur son contenu.",
    );
    mounted_file: Explained = explained(
        "This file cannot be replaced",
        "The administrator has attached this file to the server separately. Choose another name.",
    ), explained(
        "Ce fichier ne peut pas être remplacé",
        "L’administrateur l’a rattaché séparément au serveur. Choisissez un autre nom.",
    );
    disk_absent: Explained = explained(
        "The disk is not connected",
        "Connect the disk that it is on, then try again.",
    ), explained(
        "Le disque n’est pas connecté",
        "Connectez le disque de cet élément, puis réessayez.",
    );
    too_many: Explained = explained(
        "Too many items at once",
        "Select fewer items.",
    ), explained(
        "Trop d’éléments à la fois",
        "Sélectionnez moins d’éléments.",
    );
    folder_too_large: Explained = explained(
        "This folder has too many items to list",
        "Ask the administrator to divide it into several folders.",
    ), explained(
        "Ce dossier a trop d’éléments pour être affiché",
        "Demandez à l’administrateur de le répartir en plusieurs dossiers.",
    );
    too_many_for_zip: Explained = explained(
        "Too many files for one ZIP (limit 1,000,000)",
        "Download fewer items, or one folder at a time.",
    ), explained(
        "Trop de fichiers pour un ZIP (1\u{202f}000\u{202f}000 au plus)",
        "Téléchargez moins d’éléments, ou un dossier à la fois.",
    );
    too_many_selected: Explained = explained(
        "Too many items selected for one ZIP (limit 10,000)",
        "Select fewer items, or the folder that contains them.",
    ), explained(
        "Trop d’éléments sélectionnés pour un ZIP (10\u{202f}000 au plus)",
        "Sélectionnez moins d’éléments, ou le dossier qui les contient.",
    );
    upload_too_large: Explained = explained(
        "The file is too large",
        "The server does not accept files of this size.",
    ), explained(
        "Le fichier est trop volumineux",
        "Le serveur n’accepte pas de fichiers de cette taille.",
    );
    busy: Explained = explained(
        "The server is busy",
        "Try again in a moment.",
    ), explained(
        "Le serveur est occupé",
        "Réessayez dans un instant.",
    );
    busy_open: Explained = explained(
        "The server is busy",
        "The page tries again automatically.",
    ), explained(
        "Le serveur est occupé",
        "La page réessaie automatiquement.",
    );
    unreachable: Explained = explained(
        "The server cannot be reached",
        "Check your connection and that the server is running, then try again.",
    ), explained(
        "Le serveur est injoignable",
        "Vérifiez votre connexion et que le serveur fonctionne, puis réessayez.",
    );
    unreachable_open: Explained = explained(
        "The server cannot be reached",
        "Check your connection and that the server is running. The page tries again automatically.",
    ), explained(
        "Le serveur est injoignable",
        "Vérifiez votre connexion et que le serveur fonctionne. La page réessaie automatiquement.",
    );
    no_space: Explained = explained(
        "The server’s disk is full",
        "Empty the trash or delete files, then try again.",
    ), explained(
        "Le disque du serveur est plein",
        "Videz la corbeille ou supprimez des fichiers, puis réessayez.",
    );
    upload_no_space: Explained = explained(
        "Not enough space for the remaining {x}",
        "Free some space on the server, then retry.",
    ), explained(
        "Espace insuffisant pour les {x} restants",
        "Libérez de la place sur le serveur, puis réessayez.",
    );
    quota: Explained = explained(
        "Your storage quota is used up",
        "Delete files you no longer need, then try again.",
    ), explained(
        "Votre quota est atteint",
        "Supprimez des fichiers devenus inutiles, puis réessayez.",
    );
    upload_quota: Explained = explained(
        "You have no space left for uploads",
        "Finish or cancel unfinished uploads, or delete files you no longer need, then retry.",
    ), explained(
        "Vous n’avez plus de place pour des téléversements",
        "Terminez ou annulez les téléversements inachevés, ou supprimez des fichiers devenus inutiles, puis réessayez.",
    );
    unsupported: Explained = explained(
        "The server’s system cannot do this",
        "Ask its administrator which features the disk supports.",
    ), explained(
        "Le système du serveur ne permet pas cette opération",
        "Demandez à l’administrateur ce que le disque permet.",
    );
    outdated: Explained = explained(
        "The page and the server do not match",
        "Reload the page. If it happens again, tell the administrator.",
    ), explained(
        "La page ne correspond pas au serveur",
        "Rechargez la page. Si cela se reproduit, prévenez l’administrateur.",
    );
    list_changed: Explained = explained(
        "The list can no longer be continued",
        "Refresh it.",
    ), explained(
        "La liste ne peut plus être poursuivie",
        "Actualisez-la.",
    );
    misconfigured: Explained = explained(
        "The parts of the server do not match",
        "Gateway and file server need the same version and key. Tell the administrator.",
    ), explained(
        "Les composants du serveur ne sont pas compatibles",
        "Ils doivent avoir la même version et la même clé. Prévenez l’administrateur.",
    );
    disk_error: Explained = explained(
        "The server’s disk reported an error",
        "Try again. If it happens again, tell the administrator.",
    ), explained(
        "Le disque du serveur a signalé une erreur",
        "Réessayez. Si cela se reproduit, prévenez l’administrateur.",
    );
    unreadable: Explained = explained(
        "The server is not allowed to read this",
        "Ask its administrator to check the permissions.",
    ), explained(
        "Le serveur n’a pas le droit de lire ceci",
        "Demandez à l’administrateur de vérifier les permissions.",
    );
    unwritable: Explained = explained(
        "The server is not allowed to change this",
        "Ask its administrator to check the permissions.",
    ), explained(
        "Le serveur n’a pas le droit de modifier ceci",
        "Demandez à l’administrateur de vérifier les permissions.",
    );
    read_only: Explained = explained(
        "The disk is read-only",
        "The server’s administrator can change that.",
    ), explained(
        "Le disque est en lecture seule",
        "L’administrateur du serveur peut changer cela.",
    );
    canceled: Explained = explained(
        "It was canceled",
        "Start it again if you still need it.",
    ), explained(
        "L’opération a été annulée",
        "Relancez-la si vous en avez encore besoin.",
    );
    interrupted: Explained = explained(
        "The transfer was interrupted",
        "Upload the file again.",
    ), explained(
        "Le transfert a été interrompu",
        "Téléversez le fichier à nouveau.",
    );
    damaged: Explained = explained(
        "The file arrived damaged",
        "Retry to send it again.",
    ), explained(
        "Le fichier est arrivé altéré",
        "Réessayez pour le renvoyer.",
    );
    unreadable_file: Explained = explained(
        "Your browser can no longer read the file",
        "It was changed, moved or deleted. Select it again.",
    ), explained(
        "Votre navigateur ne peut plus lire le fichier",
        "Il a été modifié, déplacé ou supprimé. Sélectionnez-le à nouveau.",
    );
    broken: Explained = explained(
        "The server failed",
        "Try again. If it happens again, tell the administrator.",
    ), explained(
        "Le serveur a rencontré une erreur",
        "Réessayez. Si cela se reproduit, prévenez l’administrateur.",
    );
}
