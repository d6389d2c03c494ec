package modelsfile

import "bytes"

// memoryFor estimates how many bytes of memory a list needs, by the number of its YAML nodes: while it is parsed, and no
// less while its files are downloaded. A key and its value end with a line or a comma.
func memoryFor(list []byte) int64 {
	const process, node = 28 << 20, 440 // as measured
	count := func(s string) int { return bytes.Count(list, []byte(s)) }
	nodes := 2*(count("\n")+count(",")) + count("- ") + count("{") + count("[")
	return process + int64(nodes)*node
}
