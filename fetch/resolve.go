package fetch

import (
	"context"
	"net/url"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/source"
)

// A location is a URL, and who knows what it means.
type location struct {
	url      *url.URL
	resolver source.Resolver
}

// A found is what a URL means: a file, or the files of a directory.
type found struct {
	file      source.Source   // nil: it is a directory
	unsure    bool            // the file may turn out to be a directory
	addressed bool            // the digests of the file are its address
	objects   []source.Object // of a directory
	revision  string          // of a directory; "": none is known
}

func (t *Transfer) locate(u *url.URL) (location, error) {
	r, err := t.fetcher.rooms().network.Resolver(u, t.credentials(), t.progress.Note)
	if err != nil {
		return location{}, &SourceError{Source: nameOf(u), Err: err}
	}
	return location{u, r}, nil
}

// resolve finds out what a URL means.
func (t *Transfer) resolve(ctx context.Context, l location) (f found, err error) {
	if t.file.listed() && l.url == t.file.URL {
		return t.resolveListed(ctx, l)
	}
	err = t.ask(ctx, l, func(ctx context.Context) (err error) {
		f.objects, err = l.resolver.Resolve(ctx, l.url)
		return err
	})
	switch {
	case err != nil:
		return found{}, named(nameOf(l.url), err)
	case len(f.objects) == 1 && f.objects[0].Name == "" && f.objects[0].Layer == nil:
		f.file, f.unsure, f.addressed = f.objects[0].Source, f.objects[0].Unsure, f.objects[0].Addressed
		return f, nil
	}
	f.revision, err = t.revision(ctx, l)
	return f, err
}

// revision asks for what changes when the directory changes; "": nothing is known to.
func (t *Transfer) revision(ctx context.Context, l location) (revision string, err error) {
	v, ok := l.resolver.(source.Versioned)
	if !ok {
		return "", nil
	}
	err = t.ask(ctx, l, func(ctx context.Context) (err error) {
		revision, err = v.Version(ctx, l.url)
		return err
	})
	if err != nil {
		return "", named(nameOf(l.url), err)
	}
	return revision, nil
}

// resolveFile finds the file that a URL means.
func (t *Transfer) resolveFile(ctx context.Context, u *url.URL) (found, error) {
	l, err := t.locate(u)
	if err != nil {
		return found{}, err
	}
	f, err := t.resolve(ctx, l)
	if err == nil && f.file == nil {
		err = &SourceError{Source: nameOf(u), Err: errDirectory}
	}
	return f, err
}

// ask calls send until it succeeds, as requests to whom the resolver asks.
func (t *Transfer) ask(ctx context.Context, l location, send func(ctx context.Context) error) error {
	origin := l.resolver.Origin(l.url)
	if origin == "" { // nothing is sent
		return send(ctx)
	}
	t.enter(Resolving)
	s := asked{name: nameOf(l.url), origin: origin}
	if err := engine.Ask(ctx, t.job(s), send); err != nil {
		return t.explained(s, err)
	}
	return nil
}

// asked stands for a source that is not known yet.
type asked struct {
	source.Source
	name, origin string
}

func (a asked) Name() string   { return a.name }
func (a asked) Origin() string { return a.origin }

// fromDirectory fetches the files of a directory.
func (t *Transfer) fromDirectory(ctx context.Context, l location, f found, lock func() error) (Result, error) {
	if err := notForDirectories(t.file); err != nil {
		return Result{}, err
	}
	t.addressed = len(f.objects) > 0 && f.objects[0].Addressed // all of a source are, or none
	files, layers := splitLayers(f.objects)
	if len(files) > 0 || len(layers) == 0 {
		var err error
		if files, err = t.file.selected(files, len(layers) > 0); err != nil {
			return Result{}, err
		}
	}
	d, err := t.newDirectory(files, layers, nameOf(l.url), f.revision)
	if err != nil {
		return Result{}, err
	}
	dest, err := t.directoryDestination()
	if err != nil {
		return Result{}, err
	}
	if t.claim != nil {
		if err := t.claim(dest.Path); err != nil {
			return Result{}, err
		}
	}
	t.dest.Close() // of the file that the URL might have meant
	t.dest = dest
	return t.fetchDirectory(ctx, d, lock)
}
