package mysqlclient

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// A Session is a connection that is logged in.
type Session struct{ conn driver.Conn }

// Close ends the session.
func (s *Session) Close() { _ = s.conn.Close() }

// Query returns the rows of a statement as strings, "" for NULL.
func (s *Session) Query(ctx context.Context, sql string) (rows [][]string, err error) {
	for row, err := range s.rows(ctx, sql) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, texts(row))
	}
	return rows, nil
}

// First returns the first row of a statement, nil if there is none. A nil value is NULL. If there are more, the session has
// ended afterwards: there may be millions.
func (s *Session) First(ctx context.Context, sql string) (first []driver.Value, err error) {
	for row, err := range s.rows(ctx, sql) {
		if err != nil || first != nil {
			s.Close()
			return first, err
		}
		first = row
	}
	return first, nil
}

// rows yields the rows of a statement, or an error, which is the last that it yields.
func (s *Session) rows(ctx context.Context, sql string) func(yield func([]driver.Value, error) bool) {
	return func(yield func([]driver.Value, error) bool) {
		queryer, ok := s.conn.(driver.QueryerContext)
		if !ok {
			yield(nil, errors.New("the driver cannot query"))
			return
		}
		result, err := queryer.QueryContext(ctx, sql, nil)
		if err != nil {
			yield(nil, explain(err))
			return
		}
		defer func() { _ = result.Close() }()
		for {
			row := make([]driver.Value, len(result.Columns()))
			err := result.Next(row)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, explain(err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func texts(row []driver.Value) []string {
	all := make([]string, len(row))
	for i, v := range row {
		all[i] = Text(v)
	}
	return all
}

// Text returns a value as a string, "" for NULL.
func Text(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}
