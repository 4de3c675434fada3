package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

func check(err error) {
	if err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	check(err)
	client, err := azblob.NewClient(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), credential, nil)
	check(err)
	_, err = client.CreateContainer(ctx, "hello", nil)
	check(err)
	_, err = client.UploadBuffer(ctx, "hello", "hello.txt", []byte("Hello, Azurite"), nil)
	check(err)
	blob, err := client.DownloadStream(ctx, "hello", "hello.txt", nil)
	check(err)
	text, err := io.ReadAll(blob.Body)
	check(err)
	fmt.Println(string(text))
}
