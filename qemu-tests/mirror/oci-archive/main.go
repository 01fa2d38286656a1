// Command oci-archive writes a folder as a container image of one layer: an OCI image layout in a tar, as `ctr images import`,
// `skopeo` and `podman load` read it. The same folder gives the same bytes, whoever packs it and whenever.
//
//	oci-archive -reference HOST/NAME:TAG -root FOLDER -output FILE [-user UID:GID] [-bind-low-ports NAME] ENTRYPOINT...
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch is the modification time of everything.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// bindLowPorts is a `security.capability` of revision 2, effective, that permits CAP_NET_BIND_SERVICE (bit 10): see
// struct vfs_cap_data in linux/capability.h. It lets a file that does not run as root listen below port 1024.
const bindLowPorts = "\x01\x00\x00\x02" + "\x00\x04\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

func main() {
	reference := flag.String("reference", "", "what the image is called")
	root := flag.String("root", "", "the folder that becomes its only layer")
	output := flag.String("output", "", "the archive to write")
	user := flag.String("user", "0:0", "whom it runs as")
	privileged := flag.String("bind-low-ports", "", "the file in it that may listen below port 1024")
	flag.Parse()
	if err := write(*reference, *root, *output, *user, *privileged, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "oci-archive:", err)
		os.Exit(1)
	}
}

func write(reference, root, output, user, privileged string, entrypoint []string) error {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := pack(&content, root, func(header *tar.Header) {
		if header.Name == privileged {
			header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": bindLowPorts}
		}
	}); err != nil {
		return err
	}
	built, err := image(content.Bytes(), user, entrypoint)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "oci-archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := lay(folder, built, tag, reference); err != nil {
		return err
	}
	archive, err := os.Create(output)
	if err != nil {
		return err
	}
	return errors.Join(pack(archive, folder, asData), archive.Close())
}

// image is the layer with the configuration that runs it.
func image(content []byte, user string, entrypoint []string) (v1.Image, error) {
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	layered, err := mutate.Append(base, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "kimage's test mirror"},
	})
	if err != nil {
		return nil, err
	}
	config, err := layered.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: epoch}
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{User: user, Entrypoint: entrypoint, WorkingDir: "/", Env: []string{"PATH=/"}}
	return mutate.ConfigFile(layered, config)
}

// lay writes the image as a layout, under the names that containerd and everybody else look for. The library has a name of its
// own for docker.io.
func lay(folder string, image v1.Image, tag name.Tag, reference string) error {
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(image,
		layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}),
		layout.WithAnnotations(map[string]string{
			"org.opencontainers.image.ref.name": tag.TagStr(),
			"io.containerd.image.name":          reference,
		}))
}

// pack writes a folder's files as a tar, in the order of their names; `adjust` sees each header last.
func pack(to io.Writer, root string, adjust func(*tar.Header)) error {
	archive := tar.NewWriter(to)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		header, err := headerOf(root, path, entry)
		if err != nil {
			return err
		}
		adjust(header)
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return copyFile(archive, path)
	})
	return errors.Join(err, archive.Close())
}

// asData takes the execute bits off, with which the library writes even a layout's descriptions.
func asData(header *tar.Header) {
	if header.Typeflag == tar.TypeReg {
		header.Mode = 0o644
	}
}

// headerOf describes a file as everybody may read it and root owns it: the builder's umask and user must not show.
func headerOf(root, path string, entry fs.DirEntry) (*tar.Header, error) {
	info, err := entry.Info()
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	header := &tar.Header{Name: filepath.ToSlash(relative), ModTime: epoch, Format: tar.FormatPAX}
	switch {
	case entry.IsDir():
		header.Typeflag, header.Name, header.Mode = tar.TypeDir, header.Name+"/", 0o755
	case !entry.Type().IsRegular():
		return nil, fmt.Errorf("%s is neither a file nor a folder", path)
	case info.Mode()&0o111 != 0:
		header.Typeflag, header.Size, header.Mode = tar.TypeReg, info.Size(), 0o755
	default:
		header.Typeflag, header.Size, header.Mode = tar.TypeReg, info.Size(), 0o644
	}
	return header, nil
}

func copyFile(to io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(to, file)
	return err
}
