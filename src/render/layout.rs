//! What is on the circuit board, and where, in board units (240 x 240).

/// Kinds of parts that the board carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fourteen-pin integrated circuit, pins left and right.
    Chip,
    /// Chip resistor with a printed code.
    Resistor,
    /// Ceramic chip capacitor.
    Ceramic,
    /// Aluminium capacitor: a round can on a square base.
    Can,
    /// Quartz crystal in a pressed steel can.
    Crystal,
    /// Three-pin regulator.
    Regulator,
    /// Light-emitting diode.
    Diode,
}

/// One part: its kind, center, whether it stands upright, and its designator with the position of the text.
pub(super) struct Component {
    pub(super) kind: Kind,
    pub(super) at: [f32; 2],
    pub(super) upright: bool,
    pub(super) name: &'static str,
    pub(super) name_at: [f32; 2],
}

const fn part(kind: Kind, at: [f32; 2], upright: bool, name: &'static str, name_at: [f32; 2]) -> Component {
    Component { kind, at, upright, name, name_at }
}

/// Every part, in the order of placement.
pub(super) const PARTS: [Component; 13] = [
    part(Kind::Chip, [112.0, 92.0], false, "U1", [97.0, 48.0]),
    part(Kind::Resistor, [190.0, 60.0], false, "R1", [184.0, 45.0]),
    part(Kind::Resistor, [190.0, 80.0], false, "R2", [203.5, 86.0]),
    part(Kind::Resistor, [190.0, 100.0], false, "R3", [203.5, 106.0]),
    part(Kind::Resistor, [190.0, 120.0], false, "R4", [203.5, 126.0]),
    part(Kind::Crystal, [112.0, 151.0], false, "Y1", [70.0, 137.0]),
    part(Kind::Ceramic, [88.0, 180.0], true, "C1", [98.0, 182.0]),
    part(Kind::Ceramic, [136.0, 180.0], true, "C2", [116.5, 182.0]),
    part(Kind::Can, [190.0, 178.0], false, "C3", [165.0, 199.0]),
    part(Kind::Regulator, [46.0, 186.0], false, "U2", [24.0, 168.0]),
    part(Kind::Ceramic, [62.0, 212.0], false, "C4", [78.0, 209.0]),
    part(Kind::Diode, [112.0, 216.0], false, "D1", [107.0, 202.5]),
    part(Kind::Resistor, [148.0, 216.0], false, "R5", [164.0, 212.0]),
];

/// Plated holes of the connector J1.
pub(super) const PINS: [[f32; 2]; 6] =
    [[22.0, 60.0], [22.0, 76.0], [22.0, 92.0], [22.0, 108.0], [22.0, 124.0], [22.0, 140.0]];

/// Mounting holes.
pub(super) const HOLES: [[f32; 2]; 4] = [[19.0, 19.0], [221.0, 19.0], [19.0, 221.0], [221.0, 221.0]];

/// Small plated holes that lead to the other side.
pub(super) const VIAS: [[f32; 2]; 9] = [
    [154.0, 100.0],
    [162.0, 108.0],
    [154.0, 116.0],
    [72.0, 124.0],
    [66.0, 44.0],
    [172.0, 138.0],
    [36.0, 152.0],
    [214.0, 150.0],
    [180.0, 216.0],
];

/// Copper traces, each a series of points.
pub(super) const TRACES: [&[[f32; 2]]; 25] = [
    &[[22.0, 60.0], [46.0, 60.0], [54.0, 68.0], [86.0, 68.0]],
    &[[22.0, 76.0], [86.0, 76.0]],
    &[[22.0, 92.0], [46.0, 92.0], [54.0, 84.0], [86.0, 84.0]],
    &[[22.0, 108.0], [46.0, 108.0], [62.0, 92.0], [86.0, 92.0]],
    &[[22.0, 124.0], [46.0, 124.0], [70.0, 100.0], [86.0, 100.0]],
    &[[22.0, 140.0], [46.0, 140.0], [78.0, 108.0], [86.0, 108.0]],
    &[[86.0, 116.0], [80.0, 116.0], [72.0, 124.0]],
    &[[138.0, 68.0], [154.0, 68.0], [162.0, 60.0], [181.0, 60.0]],
    &[[138.0, 76.0], [160.0, 76.0], [164.0, 80.0], [181.0, 80.0]],
    &[[138.0, 84.0], [152.0, 84.0], [168.0, 100.0], [181.0, 100.0]],
    &[[138.0, 92.0], [148.0, 92.0], [176.0, 120.0], [181.0, 120.0]],
    &[[138.0, 100.0], [154.0, 100.0]],
    &[[138.0, 108.0], [162.0, 108.0]],
    &[[138.0, 116.0], [154.0, 116.0]],
    &[[199.0, 60.0], [214.0, 60.0], [214.0, 150.0]],
    &[[199.0, 80.0], [214.0, 80.0]],
    &[[199.0, 100.0], [214.0, 100.0]],
    &[[199.0, 120.0], [214.0, 120.0]],
    &[[94.0, 151.0], [88.0, 157.0], [88.0, 172.0]],
    &[[130.0, 151.0], [136.0, 157.0], [136.0, 172.0]],
    &[[88.0, 188.0], [88.0, 198.0], [136.0, 198.0], [136.0, 188.0]],
    &[[172.0, 138.0], [172.0, 158.0], [176.0, 162.0], [176.0, 178.0]],
    &[[22.0, 140.0], [22.0, 154.0], [38.0, 170.0], [38.0, 178.0]],
    &[[46.0, 195.0], [46.0, 204.0], [54.0, 212.0]],
    &[[120.0, 216.0], [140.0, 216.0]],
];

/// Width of a trace.
pub(super) const TRACE: f32 = 3.4;

/// Other words printed on the board: text, position, height of the capitals.
pub(super) const WORDS: [(&str, [f32; 2], f32); 5] = [
    ("AAND-7", [44.0, 21.0], 10.0),
    ("REV.B", [80.0, 37.0], 6.5),
    ("J1", [18.0, 44.0], 6.0),
    ("+", [170.0, 160.0], 5.5),
    ("5V", [30.0, 150.0], 5.5),
];
