//! What the name of a folder or file says about the pictures: good, defective, or masks, which are not pictures of
//! parts at all.
//!
//! Only whole words count, in the languages of known data sets and production lines; accents, capitals, full-width
//! letters, digits and separators do not matter. A negated word (`no_defect`, `not good`) means its opposite.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The meaning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Pictures of good parts.
    Good,
    /// Pictures of defective parts.
    Defect,
    /// Masks, labels and other ground truth: pictures, but not of parts.
    Mask,
}

/// The meaning of a word within a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Means(Meaning),
    Not,
    /// `defect_free`: negates the word before it.
    Free,
    /// Means nothing, but may be joined to other words: `badparts`.
    Neutral,
}

const GOOD: &str = "good ok okay normal pass passed conform conforming acceptable flawless gut gute io einwandfrei bon \
                    bons bonne bonnes bueno buenos buena buenas buono buoni bom goed dobry dobra dobre godkand ок хорошо хорошие годные годен норма 良品 正常 合格 \
                    合格品 良好 无缺陷 정상 양품";
const DEFECT: &str = "ng nok ko bad fail fails failed failure failures faulty fault faults reject rejects rejected \
                      defect defects defective defectives defected anomaly anomalies anomalous anomalie anomalien \
                      abnormal abnormals abnormality abnormalities anormal anormale anormales anormaux broken damage \
                      damaged damages cracked scratched dented deformed contaminated spoiled spoilt kaputt kaputte \
                      nacharbeit abgelehnt abgelehnte ngs \
                      flawed flaw flaws scrap scrapped unacceptable nonconforming nonconformity outlier outliers \
                      schlecht schlechte schlechtteile fehler fehlerhaft fehlerhafte fehlerteile defekt defekte \
                      ausschuss schrott mangelhaft mangelhafte beschaedigt beschadigt nio mauvais mauvaise mauvaises \
                      defaut defauts defectueux defectueuse defectueuses rebut rebuts malo malos mala malas defecto \
                      defectos defectuoso defectuosos defectuosa defectuosas rechazado rechazados rechazo anomalia \
                      anomalias anomalo anomali difetto difetti difettoso difettosi scarto scarti defeito defeitos \
                      defeituoso rejeitado rejeitados refugo ruim fout afgekeurd afkeur wada wady wadliwe braki vady \
                      vadne zmetek zmetky vadny vadna spatny spatne zly zle uszkodzone uszkodzony odrzut odrzuty trasig trasiga \
                      felaktig felaktiga underkand fejl feil kassert viallinen hylatty hibas selejt rusak cacat hatali kusurlu bozuk нг брак бракованные негодные плохо плохие дефект дефекты дефектные";
const MASK: &str = "mask masks gt gts groundtruth groundtruths truth label labels labelmap labelmaps lbl lbls \
                    rotulo rotulos etiqueta etiquetas annotation annotations annot annots anno annos segmentation segmentations seg segs segm maske masken masque \
                    masques mascara mascaras maschera maschere etichette anotacion anotaciones маска маски разметка";
const NOT: &str = "no not non none without nicht kein keine ohne sans sin senza sem pas zero";
const FREE: &str = "free frei less";
const NEUTRAL: &str = "part parts piece pieces image images img imgs picture pictures pic pics photo photos sample \
                       samples product products item items unit units data dataset set folder train training test \
                       testing val validation only class ground teil teile bild bilder 品 件 图 图片 圖片 图像 圖像 画像 样本 \
                       樣本";

/// Parts of names in scripts that do not separate words.
const DEFECT_SIGNS: &str = "不良 缺陷 瑕疵 次品 废品 廢品 不合格 不适合 不適合 不適 异常 異常 报废 報廢 残次 失败 失敗 不具合 损坏 損壞 坏品 壞品 欠陥 \
                            欠点 キズ 불량 불합격 결함 비정상";
const MASK_SIGNS: &str =
    "掩码 掩膜 掩模 蒙版 遮罩 标注 標註 标签 標籤 真值 マスク ラベル アノテーション 教師 마스크 라벨 레이블";
/// Characters that negate a sign when they stand before or after it.
const NOT_BEFORE: &str = "无 無 非 没有 沒有 零";
const NOT_AFTER: &str = "なし 無し ゼロ 없음";

static WORDS: LazyLock<HashMap<String, Word>> = LazyLock::new(|| {
    let lists = [
        (GOOD, Word::Means(Meaning::Good)),
        (DEFECT, Word::Means(Meaning::Defect)),
        (MASK, Word::Means(Meaning::Mask)),
        (NOT, Word::Not),
        (FREE, Word::Free),
        (NEUTRAL, Word::Neutral),
    ];
    let folded =
        |(list, word): (&'static str, Word)| list.split_whitespace().map(move |text| (fold(text), word));
    lists.into_iter().flat_map(folded).collect()
});

static SIGNS: LazyLock<Vec<(String, Meaning)>> = LazyLock::new(|| {
    let lists = [(DEFECT_SIGNS, Meaning::Defect), (MASK_SIGNS, Meaning::Mask)];
    let folded =
        |(list, sign): (&'static str, Meaning)| list.split_whitespace().map(move |text| (fold(text), sign));
    lists.into_iter().flat_map(folded).collect()
});

/// Text without capitals, accents and full-width forms.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .collect::<String>()
        .to_lowercase()
        .replace('ß', "ss")
        .replace('ı', "i")
}

/// The words of a name, folded; digits are not words.
fn words(name: &str) -> Vec<String> {
    let plain: String = name.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in plain.chars() {
        // `DefectParts`, `NG01`
        if !c.is_alphabetic() || (before.is_lowercase() && c.is_uppercase()) {
            parts.push(String::new());
        }
        if let (true, Some(last)) = (c.is_alphabetic(), parts.last_mut()) {
            last.push(c);
        }
        before = c;
    }
    parts.iter().filter(|part| !part.is_empty()).map(|part| fold(part)).collect()
}

/// Words longer than this, in bytes, are not split.
const LONGEST: usize = 48;

/// The meanings of a word, or of several joined ones: `badparts`, `nogood`.
fn resolve(text: &str) -> Option<Vec<Word>> {
    if let Some(word) = WORDS.get(text) {
        return Some(vec![*word]);
    }
    if text.len() > LONGEST {
        return None;
    }
    text.char_indices().skip(2).map(|(at, _)| text.split_at(at)).find_map(|(first, rest)| {
        let mut words = vec![*WORDS.get(first)?];
        words.extend(resolve(rest)?);
        // A negation at the end negates nothing: Czech `okno` means window.
        (words.last() != Some(&Word::Not)).then_some(words)
    })
}

/// The meaning of a folder's name.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    let words = words(name);
    let joined: String = words.concat();
    // `n.i.O.`, `N.G.`
    let initials = words.len() > 1 && words.iter().all(|word| word.len() <= 2);
    if initials && let Some(Word::Means(Meaning::Defect)) = WORDS.get(&joined) {
        return Some(Meaning::Defect);
    }
    if let Some(sign) = sign(&fold(name)) {
        return Some(sign);
    }
    let known: Vec<Option<Word>> = words
        .iter()
        .flat_map(|word| resolve(word).map_or(vec![None], |words| words.into_iter().map(Some).collect()))
        .collect();
    let mut found = None;
    for (at, word) in known.iter().enumerate() {
        let Some(Word::Means(meaning)) = word else { continue };
        let denied =
            known[..at].last() == Some(&Some(Word::Not)) || known.get(at + 1) == Some(&Some(Word::Free));
        let said = match (meaning, denied) {
            (Meaning::Good, false) | (Meaning::Defect, true) => Meaning::Good,
            (Meaning::Defect, false) | (Meaning::Good, true) => Meaning::Defect,
            (Meaning::Mask, false) => Meaning::Mask,
            (Meaning::Mask, true) => continue,
        };
        // A mask of a defect is a mask; a good part with a defect is not good.
        found = match (found, said) {
            (Some(Meaning::Mask), _) | (_, Meaning::Mask) => Some(Meaning::Mask),
            (Some(Meaning::Defect), _) | (_, Meaning::Defect) => Some(Meaning::Defect),
            _ => Some(Meaning::Good),
        };
    }
    found
}

fn sign(folded: &str) -> Option<Meaning> {
    let denied = |at: usize, length: usize| {
        NOT_BEFORE.split_whitespace().any(|not| folded[..at].ends_with(&fold(not)))
            || NOT_AFTER
                .split_whitespace()
                .any(|not| folded[at + length..].trim_start().starts_with(&fold(not)))
    };
    let says = |(text, sign): &(String, Meaning)| {
        let mut places = folded.match_indices(text.as_str());
        places.any(|(at, _)| !denied(at, text.len())).then_some(*sign)
    };
    SIGNS.iter().find_map(says)
}

/// Whether a folder of this name holds pictures of good parts: its name says that and nothing else.
pub(crate) fn is_good(name: &str) -> bool {
    let words = words(name);
    let plain = |text: &str| WORDS.get(text) == Some(&Word::Means(Meaning::Good));
    match words.as_slice() {
        [only] if plain(only) => name.chars().all(|c| !c.is_numeric()),
        [] => false,
        // `defect_free`, `i.O.`
        several => {
            meaning(name) == Some(Meaning::Good) && several.iter().all(|word| resolve(word).is_some())
                || plain(&several.concat())
        }
    }
}

/// The meaning of a file's name: a word for defects counts anywhere, one for masks only at the end or
/// beginning.
pub(crate) fn meaning_of_file(file: &Path) -> Option<Meaning> {
    let stem = file.file_stem()?.to_string_lossy();
    match meaning(&stem) {
        Some(Meaning::Mask) if picture_of(&stem).is_none() && !is_wholly(&stem, Meaning::Mask) => None,
        found => found,
    }
}

/// Whether a name says `wanted` and nothing else: `defect_masks` is wholly a mask, `wrong_label` is not.
pub(crate) fn is_wholly(stem: &str, wanted: Meaning) -> bool {
    let words = words(stem);
    !words.is_empty() && words.iter().all(|word| resolve(word).is_some()) && meaning(stem) == Some(wanted)
}

/// The stem of the picture that a mask belongs to: `003` of `003_mask`, `003-GT`, `label_003`, `003 ground truth`.
pub(crate) fn picture_of(stem: &str) -> Option<&str> {
    let separator = |c: char| !c.is_alphanumeric();
    let cuts: Vec<usize> = stem
        .char_indices()
        .zip(stem.chars().skip(1))
        .filter(|((_, a), b)| separator(*a) != separator(*b) || a.is_numeric() != b.is_numeric())
        .map(|((at, a), _)| at + a.len_utf8())
        .collect();
    let rest = |text: &'_ str| !text.trim_matches(separator).is_empty();
    let after = cuts.iter().map(|at| (&stem[..*at], &stem[*at..]));
    let before = cuts.iter().rev().map(|at| (&stem[*at..], &stem[..*at]));
    after.chain(before).find_map(|(kept, cut)| {
        let clean = cut.chars().all(|c| !c.is_numeric());
        (clean && rest(kept) && is_wholly(cut, Meaning::Mask)).then(|| kept.trim_matches(separator))
    })
}

/// The names of the folders that lead from `root` to `file`.
pub(crate) fn folders_between<'a>(
    root: &Path,
    file: &'a Path,
) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
    let relative = file.strip_prefix(root).unwrap_or(file).parent().unwrap_or(Path::new(""));
    relative.components().map(|part| part.as_os_str().to_string_lossy())
}

/// Whether a name says defects or masks.
pub(crate) fn means_not_good(name: &str) -> bool {
    matches!(meaning(name), Some(Meaning::Defect | Meaning::Mask))
}

/// The places below `root` whose names say that they hold no good parts, and how many of `pictures` that
/// concerns. A place is a folder, or a file judged by its own name (one file stands for all such files in its
/// folder).
pub(crate) fn not_good(pictures: &[PathBuf], root: &Path) -> BTreeMap<PathBuf, usize> {
    let mut places: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut files: HashMap<PathBuf, PathBuf> = HashMap::new();
    for picture in pictures {
        let names: Vec<_> = folders_between(root, picture).collect();
        let relative = picture.strip_prefix(root).unwrap_or(picture);
        if let Some(depth) = names.iter().position(|name| means_not_good(name)) {
            *places.entry(relative.components().take(depth + 1).collect()).or_default() += 1;
        } else if matches!(meaning_of_file(picture), Some(Meaning::Defect | Meaning::Mask)) {
            let folder = relative.parent().unwrap_or(Path::new("")).to_path_buf();
            let first = files.entry(folder).or_insert_with(|| relative.into());
            *places.entry(first.clone()).or_default() += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests;
