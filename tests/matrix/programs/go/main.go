// Production code: stores a blob and, if VAULT_URL is set, a secret, and reads both back; with one
// credential for both services. With WITH_SAS it also signs a URL with a user delegation key, reads
// the blob by that URL alone, and has Azurite copy the blob from it; every name is 127.0.0.1 then.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// A transport as the SDK's default one, for names that do not resolve here.
func loopback() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	return transport
}

// The URL of a blob, signed for reading with a user delegation key.
func signed(ctx context.Context, client *azblob.Client, container, name string) string {
	start, end := time.Now().UTC().Add(-time.Minute), time.Now().UTC().Add(time.Hour)
	times := service.KeyInfo{Start: text(start), Expiry: text(end)}
	key := must(client.ServiceClient().GetUserDelegationCredential(ctx, times, nil))
	values := sas.BlobSignatureValues{
		Protocol: sas.ProtocolHTTPS, StartTime: start, ExpiryTime: end, ContainerName: container, BlobName: name,
		Permissions: (&sas.BlobPermissions{Read: true}).String(),
	}
	query := must(values.SignWithUserDelegation(key))
	return client.ServiceClient().NewContainerClient(container).NewBlobClient(name).URL() + "?" + query.Encode()
}

func text(time time.Time) *string {
	text := time.Format(sas.TimeFormat)
	return &text
}

func content(ctx context.Context, client *blob.Client) string {
	answer := must(client.DownloadStream(ctx, nil))
	return string(must(io.ReadAll(answer.Body)))
}

func main() {
	ctx := context.Background()
	credential := must(azidentity.NewDefaultAzureCredential(nil))
	var options azcore.ClientOptions
	if os.Getenv("WITH_SAS") != "" {
		options.Transport = &http.Client{Transport: loopback()}
	}
	client := must(azblob.NewClient(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), credential, &azblob.ClientOptions{ClientOptions: options}))
	container := fmt.Sprint("go-", os.Getpid())
	must(client.CreateContainer(ctx, container, nil))
	must(client.UploadBuffer(ctx, container, "greeting", []byte("a blob"), nil))
	answer := must(client.DownloadStream(ctx, container, "greeting", nil))
	fmt.Println(string(must(io.ReadAll(answer.Body))))

	if os.Getenv("WITH_SAS") != "" {
		url := signed(ctx, client, container, "greeting")
		reader := must(blob.NewClientWithNoCredential(url, &blob.ClientOptions{ClientOptions: options}))
		fmt.Println("by its URL:", content(ctx, reader))
		copied := client.ServiceClient().NewContainerClient(container).NewBlobClient("copied")
		must(copied.CopyFromURL(ctx, url, nil))
		fmt.Println("copied:", content(ctx, copied))
	}

	if url := os.Getenv("VAULT_URL"); url != "" {
		vault := must(azsecrets.NewClient(url, credential, nil))
		value := "a secret"
		must(vault.SetSecret(ctx, "greeting", azsecrets.SetSecretParameters{Value: &value}, nil))
		fmt.Println(*must(vault.GetSecret(ctx, "greeting", "", nil)).Value)
	}
}
