package app

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

func TestStores(t *testing.T) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := azblob.NewClient(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	// The same name in both packages: each has an Azurite of its own.
	if _, err = client.CreateContainer(ctx, "from-go", nil); err != nil {
		t.Fatal(err)
	}
	if _, err = client.UploadBuffer(ctx, "from-go", "hello", []byte("Hello"), nil); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err = client.DownloadBuffer(ctx, "from-go", "hello", got, nil); err != nil || string(got) != "Hello" {
		t.Fatal(string(got), err)
	}
	// Both packages run at the same time.
	time.Sleep(time.Second)
}
