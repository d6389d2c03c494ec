package logs

import "net"

// WithoutInotify makes the collector work as where the kernel has no inotify. It is called before [Collector.Serve].
func (c *Collector) WithoutInotify() {
	for _, i := range c.inputs {
		i.tail.NoInotify = true
	}
}

// Resolve makes the collector look up the names of receivers with r. It is called before [Collector.Serve].
func (c *Collector) Resolve(r *net.Resolver) {
	for _, s := range c.sinks {
		if s.forward != nil {
			s.forward.Resolver = r
		}
	}
}
