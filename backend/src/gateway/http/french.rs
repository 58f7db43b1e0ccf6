//! Titles and details of every [`ErrorCode`] in French, for the pages that people read in a browser. Their English is in
//! `shared/src/error_text.rs`.

use shared::ErrorCode;

/// The title of a code.
pub(super) fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Forbidden => "Accès non autorisé",
        ErrorCode::Unauthenticated => "Connexion requise",
        ErrorCode::UnknownHost => "Nom de serveur inconnu",
        ErrorCode::NotFound => "Introuvable",
        ErrorCode::IsFolder => "C’est un dossier",
        ErrorCode::NotFolder => "Ce n’est pas un dossier",
        ErrorCode::NotRegular => "Ce n’est pas un fichier ordinaire",
        ErrorCode::LinkEscapes => "Lien impossible à suivre",
        ErrorCode::Changed => "Le fichier a changé",
        ErrorCode::PreconditionFailed => "Condition non remplie",
        ErrorCode::RangeNotSatisfiable => "Plage hors du fichier",
        ErrorCode::NotAcceptable => "Format indisponible",
        ErrorCode::AlreadyExists => "Ce nom existe déjà",
        ErrorCode::ParentMissing => "Dossier manquant",
        ErrorCode::IntoItself => "Déplacement impossible",
        ErrorCode::OffsetMismatch => "Position incorrecte",
        ErrorCode::Incomplete => "Téléversement incomplet",
        ErrorCode::ChecksumMismatch => "Somme de contrôle incorrecte",
        ErrorCode::Gone => "N’existe plus",
        ErrorCode::Locked => "En cours d’utilisation",
        ErrorCode::KeyReused => "Clé déjà utilisée",
        ErrorCode::LengthMismatch => "Taille inattendue",
        ErrorCode::NameRefused => "Nom refusé",
        ErrorCode::NameTooLong => "Nom trop long",
        ErrorCode::CrossDevice => "Sur un autre disque",
        ErrorCode::Mounted => "Contient un autre disque",
        ErrorCode::DiskAbsent => "Disque non connecté",
        ErrorCode::NotEmpty => "Dossier non vide",
        ErrorCode::NoSpace => "Disque plein",
        ErrorCode::QuotaExceeded => "Quota dépassé",
        ErrorCode::UnsupportedMediaType => "Type de contenu inconnu",
        ErrorCode::LengthRequired => "Taille manquante",
        ErrorCode::UnsupportedVersion => "Version de tus inconnue",
        ErrorCode::LinkBroken => "Lien rompu",
        ErrorCode::NameReserved => "Nom réservé",
        ErrorCode::CrossSite => "Demande venue d’un autre site",
        ErrorCode::ReadOnly => "Lecture seule",
        ErrorCode::TooLarge => "Trop volumineux",
        ErrorCode::TooManyConnections | ErrorCode::TooManyRequests => "Serveur occupé",
        ErrorCode::Unsupported => "Non pris en charge",
        ErrorCode::BadRequest => "Requête incorrecte",
        ErrorCode::BadPath => "Adresse incorrecte",
        ErrorCode::BadCursor => "Liste impossible à poursuivre",
        ErrorCode::MethodNotAllowed => "Méthode non autorisée",
        ErrorCode::AccessDenied => "Accès refusé",
        ErrorCode::DeadlineExceeded => "Délai dépassé",
        ErrorCode::ShuttingDown | ErrorCode::Canceled => "Serveur en cours de redémarrage",
        ErrorCode::Io => "Erreur de stockage",
        code if code.is_between_servers() => "Serveur de fichiers indisponible",
        _ => "Erreur du serveur",
    }
}

/// The detail of a code: what happened, and what to do.
pub(super) fn detail(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Forbidden => {
            "Vous n’avez pas l’autorisation de faire cela ici. L’administrateur peut modifier vos droits."
        }
        ErrorCode::Unauthenticated => "Connectez-vous pour voir cette page.",
        ErrorCode::UnknownHost => {
            "Ouvrez le serveur par son adresse IP, ou ajoutez ce nom à sa configuration (--host)."
        }
        ErrorCode::NotFound => "Il n’y a rien à cette adresse. L’élément a peut-être été déplacé, renommé ou supprimé.",
        ErrorCode::IsFolder => "Un fichier est attendu ici, et cet élément est un dossier.",
        ErrorCode::NotFolder => "Un dossier est attendu ici, et cet élément est un fichier.",
        ErrorCode::NotRegular => {
            "Les périphériques, les sockets et les tubes sont affichés, mais ne peuvent pas être ouverts."
        }
        ErrorCode::LinkEscapes => "Ce lien symbolique mène hors du dossier partagé\u{202f}: le serveur ne le suit pas.",
        ErrorCode::Changed => "Le fichier a changé pendant la lecture. Réessayez.",
        ErrorCode::PreconditionFailed => "Le fichier n’est plus dans l’état attendu. Actualisez, puis réessayez.",
        ErrorCode::RangeNotSatisfiable => "La partie demandée n’existe pas dans le fichier.",
        ErrorCode::AlreadyExists => "Un élément de ce nom existe déjà. Choisissez un autre nom, ou remplacez-le.",
        ErrorCode::ParentMissing => "Le dossier de destination n’existe pas. Créez-le d’abord.",
        ErrorCode::IntoItself => "Un dossier ne peut pas être placé dans lui-même ni dans l’un de ses sous-dossiers.",
        ErrorCode::OffsetMismatch => "Le téléversement doit reprendre à la position indiquée par le serveur.",
        ErrorCode::Incomplete => "Le téléversement n’est pas terminé. Envoyez la suite pour créer le fichier.",
        ErrorCode::ChecksumMismatch => "Les données reçues ne correspondent pas à la somme de contrôle. Renvoyez-les.",
        ErrorCode::Gone => "L’élément a expiré, ou a été supprimé ou terminé entre-temps.",
        ErrorCode::Locked => "Une autre requête utilise encore cet élément. Réessayez dans un instant.",
        ErrorCode::KeyReused => "Cette clé a servi à une autre requête. Choisissez-en une nouvelle.",
        ErrorCode::LengthMismatch => "La taille reçue n’est pas la taille annoncée. Renvoyez le fichier.",
        ErrorCode::NameRefused => "Le système de fichiers du serveur refuse ce nom. Choisissez-en un autre.",
        ErrorCode::NameTooLong => {
            "Ce nom est plus long que ce que permet le disque du serveur (souvent 255 octets). Choisissez un nom plus \
             court."
        }
        ErrorCode::CrossDevice => {
            "Ce disque n’a pas de corbeille, ou l’origine et la destination sont sur deux disques différents."
        }
        ErrorCode::Mounted => {
            "Un autre disque est monté ici ou dans un sous-dossier. Démontez-le avant de déplacer ou de supprimer."
        }
        ErrorCode::DiskAbsent => "Le disque de cet élément n’est pas connecté. Connectez-le, puis réessayez.",
        ErrorCode::NotEmpty => "Ce dossier contient des éléments. Videz-le d’abord.",
        ErrorCode::NoSpace => "Le disque du serveur est plein. Libérez de la place, puis réessayez.",
        ErrorCode::QuotaExceeded => {
            "Vous n’avez plus assez d’espace ici. Terminez ou annulez des téléversements inachevés, ou supprimez des \
             fichiers."
        }
        ErrorCode::UnsupportedMediaType => "Ce type de contenu n’est pas accepté ici.",
        ErrorCode::LengthRequired => "La requête doit indiquer la taille de son contenu.",
        ErrorCode::UnsupportedVersion => "Le serveur utilise tus 1.0.0, que Tus-Resumable doit indiquer.",
        ErrorCode::CrossSite => {
            "Une page d’un autre site a demandé cette modification. Ouvrez la page de ce serveur, ou autorisez ce site \
             (--cors)."
        }
        ErrorCode::ReadOnly => "Le disque du serveur est en lecture seule. L’administrateur peut changer cela.",
        ErrorCode::NotAcceptable => "Le serveur ne propose aucun des formats demandés.",
        ErrorCode::TooLarge => "La requête dépasse une limite du serveur.",
        ErrorCode::TooManyConnections => "Le serveur est très sollicité. Réessayez dans un instant.",
        ErrorCode::TooManyRequests => {
            "Trop d’opérations sont en cours sur le serveur ou depuis votre adresse. Terminez ou annulez des \
             téléversements inachevés, ou réessayez dans un instant."
        }
        ErrorCode::BadCursor => "La liste ne peut pas reprendre à cet endroit. Relisez-la depuis le début.",
        ErrorCode::MethodNotAllowed => "Cette opération n’existe pas à cette adresse.",
        ErrorCode::AccessDenied => "Le système d’exploitation interdit au serveur de lire cet élément.",
        ErrorCode::DeadlineExceeded => "Le serveur de fichiers n’a pas répondu à temps. Réessayez.",
        ErrorCode::ShuttingDown | ErrorCode::Canceled => "Le serveur redémarre. Réessayez dans un instant.",
        ErrorCode::Io => "Le disque du serveur n’a pas pu être lu ou écrit. Le journal du serveur en dit plus.",
        ErrorCode::Unreachable | ErrorCode::Disconnected | ErrorCode::HandshakeTimeout => {
            "Le serveur de fichiers est injoignable. Réessayez dans un instant."
        }
        ErrorCode::BadProof | ErrorCode::VersionMismatch | ErrorCode::Protocol | ErrorCode::FrameTooLong => {
            "Les deux parties du serveur ne se comprennent pas. Le journal du serveur en dit plus."
        }
        ErrorCode::LinkBroken => "La cible du lien symbolique n’existe pas, ou les liens tournent en rond.",
        ErrorCode::NameReserved => {
            "Le serveur réserve le nom .passerelle à son propre dossier. Choisissez un autre nom."
        }
        ErrorCode::Unsupported => "Ce serveur ne sait pas faire cela.",
        ErrorCode::BadRequest => "Le serveur ne comprend pas cette requête.",
        ErrorCode::BadPath => {
            "Cette adresse est trop longue, ou contient un nom impossible, comme «\u{202f}..\u{202f}» ou un nom vide."
        }
        _ => "Réessayez. Si cela se reproduit, le journal du serveur en dit plus.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_title_and_a_detail() {
        // What a code without French would get.
        let other = ErrorCode::Unknown(0);
        for &code in ErrorCode::ALL.iter().filter(|code| **code != ErrorCode::Internal) {
            assert!(title(code) != title(other) && detail(code) != detail(other), "{code}");
            assert!(detail(code).ends_with('.'), "{code}");
        }
    }
}
