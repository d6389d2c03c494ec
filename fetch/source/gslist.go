package source

import (
	"encoding/json"
	"strconv"
)

// listing returns a page of objects.list of the JSON API.
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
func (b *gsBucket) listing(prefix, token string, most int) *webFile {
	u := b.url("/storage/v1/b/" + b.name.bucket + "/o")
	u.RawQuery = encodeQuery("prefix", prefix, "fields", "nextPageToken,items(name,size,generation)", "pageToken", token, "maxResults", countOf(most))
	w := b.web
	w.accepts = ""
	return &webFile{web: w, url: u}
}

func (*gsBucket) read(text string) (*storePage, error) {
	var answer struct {
		Kind          string
		NextPageToken string
		Items         []struct {
			Name, Size, Generation string
		}
	}
	if json.Unmarshal([]byte(text), &answer) != nil {
		return nil, errNoListing
	}
	page := &storePage{next: answer.NextPageToken}
	for _, item := range answer.Items {
		size, err := strconv.ParseInt(item.Size, 10, 64)
		if err != nil {
			return nil, errNoListing
		}
		page.entries = append(page.entries, storeEntry{key: item.Name, size: size, validator: generation(item.Generation)})
	}
	return page, nil
}
