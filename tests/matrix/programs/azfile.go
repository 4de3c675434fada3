// A file share by Azure's SDK, by the connection string: Azurite has none, and says so before the SDK's tries are over.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azfile/service"
)

func main() {
	client, err := service.NewClientFromConnectionString(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), nil)
	if err != nil {
		panic(err)
	}
	start := time.Now()
	_, err = client.CreateShare(context.Background(), "share", nil)
	if err == nil {
		panic("a share was made")
	}
	// Its own tries take 8 s where the port is closed.
	if took := time.Since(start); took > 4*time.Second {
		panic(fmt.Sprint("it took ", took))
	}
	fmt.Println(strings.Join(strings.Fields(err.Error()), " "))
}
