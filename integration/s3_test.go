package integration_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// startS3 starts a server with the key app and the bucket models.
func startS3(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "busybox", append([]testcontainers.ContainerCustomizer{
		withDir(program(t, "s3server"), "/s3server"),
		testcontainers.WithCmd("/s3server", "--address", addr, "--secret", password),
	}, opts...)...)
}

func s3Client(endpoint string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{},
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting()}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "app", SecretAccessKey: password}, nil
		}),
	})
}

// useS3 writes an object, by the library of AWS.
func useS3(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	_, err := s3Client("http://"+addr).PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("models"), Key: aws.String("used"), Body: strings.NewReader("1"),
	})
	return err
}

// TestS3 waits for a bucket that is created meanwhile, over TLS, and makes 200 attempts that create nothing.
func TestS3(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startS3(t, addr, withCertificate(t), testcontainers.WithCmdArgs("--cert", "/tls.crt", "--key", "/tls.key"))
	client := s3Client("https://" + addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	})
	keys := "?endpoint=https://" + addr + "#ca-file=" + caFile(t)
	target := open(t, "s3://app:"+escape(password)+"@later"+keys)
	for range 200 {
		wantNotYet(t, attempt(t, target, 10*time.Second))
	}
	if all, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil || len(all.Buckets) != 1 {
		t.Errorf("buckets %v, %v, want models alone", all, err)
	}
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("later")}); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, target, 10*time.Second); err != nil {
		t.Error(err)
	}
	if err := attempt(t, open(t, "s3://later"+keys), 10*time.Second); err != nil {
		t.Errorf("unsigned: %v", err)
	}
	wantNotYet(t, attempt(t, open(t, "s3://never"+keys), 10*time.Second))
	err := attempt(t, open(t, "s3://app:"+escape(wrongPassword)+"@later"+keys), 10*time.Second)
	if _, rejected := errors.AsType[*probe.RejectedError](err); !rejected {
		t.Errorf("wrong secret: %v, want a RejectedError", err)
	}
	wantNotYet(t, attempt(t, open(t, "s3://app:"+escape(password)+"@later?endpoint=https://"+addr), 10*time.Second)) // of an unknown authority
}
