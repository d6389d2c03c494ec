package probe

// SelfConnected is selfConnected, for its test.
var SelfConnected = selfConnected
