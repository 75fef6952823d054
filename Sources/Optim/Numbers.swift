/// The double that is written like a single: 0.95, not 0.949999988.
///
/// Powers of a beta and differences from 1 would show the digits that single precision rounds off.
func decimal(_ x: Float) -> Double { Double("\(x)") ?? Double(x) }
