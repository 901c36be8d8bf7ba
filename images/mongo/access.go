package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// role is a role of MongoDB's on one database.
type role struct {
	Name     string `bson:"role"`
	Database string `bson:"db"`
}

// wantedUser is a user as the access file has it.
type wantedUser struct {
	Name     string   `json:"name"`
	Database string   `json:"database"`
	Password string   `json:"password"`
	Grants   []string `json:"grants"`
}

// serverRoles has grants that are about the server as a whole: a role on none of the databases. Whoever backs up
// reads all of them; whoever monitors reads statistics and no data.
var serverRoles = map[string]role{
	"backup":  {Name: "backup", Database: "admin"},
	"monitor": {Name: "clusterMonitor", Database: "admin"},
}

// rolesOf has the roles of each grant. MongoDB's own roles know no writing without reading, so that
// write implies read.
var rolesOf = map[string][]string{
	"read":  {"read"},
	"write": {"readWrite"},
	"owner": {"readWrite", "dbAdmin"},
}

// roles has what the user's grants mean on its database, and no role that another one includes.
func (w wantedUser) roles() []role {
	var found []role
	for _, grant := range w.Grants {
		if whole, ok := serverRoles[grant]; ok {
			found = append(found, whole)
			continue
		}
		for _, name := range rolesOf[grant] {
			found = append(found, role{Name: name, Database: w.Database})
		}
	}
	readWrite := role{Name: "readWrite", Database: w.Database}
	if slices.Contains(found, readWrite) {
		found = slices.DeleteFunc(found, func(r role) bool { return r.Name == "read" })
	}
	return with(nil, found)
}

// identity tells users apart: each database has its own.
type identity struct{ Name, Database string }

func (i identity) String() string { return i.Name + " of " + i.Database }

func (w wantedUser) identity() identity { return identity{w.Name, w.Database} }

// foundUser is a user as the server has it.
type foundUser struct {
	Name       string   `bson:"user"`
	Database   string   `bson:"db"`
	Roles      []role   `bson:"roles"`
	CustomData bson.Raw `bson:"customData"`
}

func (f foundUser) identity() identity { return identity{f.Name, f.Database} }

// mark is what our users carry, so that nobody else's is changed.
var mark = bson.D{{Key: "managedBy", Value: "atalaya"}}

func (f foundUser) isOurs() bool {
	owner, ok := f.CustomData.Lookup("managedBy").StringValueOK()
	return ok && owner == "atalaya"
}

var (
	userName     = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	databaseText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)
	// Databases that MongoDB keeps for itself.
	reserved = []string{"admin", "local", "config"}
)

// readAccess reads the list of wanted users, and tells all that is wrong with it at once.
func readAccess(content []byte) ([]wantedUser, error) {
	var file struct {
		Databases []string     `json:"databases"`
		Users     []wantedUser `json:"users"`
	}
	if json.Unmarshal(content, &file) != nil {
		// The parser's own words may quote the file, which has passwords in it.
		return nil, errors.New("the access file is wrong: it must be JSON with the lists databases and users")
	}
	var problems []string
	problem := func(format string, values ...any) {
		problems = append(problems, fmt.Sprintf(format, values...))
	}
	for _, name := range file.Databases {
		if !databaseText.MatchString(name) || slices.Contains(reserved, name) {
			problem("%q is not a name for a database", name)
		}
	}
	seen := map[identity]bool{}
	for _, user := range file.Users {
		if !userName.MatchString(user.Name) || user.Name == "admin" {
			problem("%q is not a name for a user", user.Name)
		}
		if !slices.Contains(file.Databases, user.Database) {
			problem("%s: database %q is not in the list", user.Name, user.Database)
		}
		if seen[user.identity()] {
			problem("%s is there twice", user.identity())
		}
		seen[user.identity()] = true
		if user.Password == "" {
			problem("%s has no password", user.identity())
		}
		if len(user.Grants) == 0 {
			problem("%s has no grants", user.identity())
		}
		for _, grant := range user.Grants {
			if _, whole := serverRoles[grant]; !whole && rolesOf[grant] == nil {
				problem("%s: %q is not one of read, write, owner, backup, monitor", user.identity(), grant)
			}
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the access file is wrong: %s", strings.Join(problems, "; "))
	}
	return file.Users, nil
}

// with has all of the roles in two lists, each once.
func with(roles, more []role) []role {
	all := slices.Clone(roles)
	for _, r := range more {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// sameRoles compares lists of roles, in which order means nothing.
func sameRoles(a, b []role) bool {
	return len(with(a, b)) == len(a) && len(with(b, a)) == len(b)
}

func roleNames(roles []role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name + " on " + r.Database
	}
	return strings.Join(names, ", ")
}

// foreign names wanted users that somebody else has made.
func foreign(wanted []wantedUser, found map[identity]foundUser) error {
	var names []string
	for _, user := range wanted {
		if there, ok := found[user.identity()]; ok && !there.isOurs() {
			names = append(names, user.identity().String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("somebody else made these users, and nothing was changed: %s. "+
		"Drop them, or give the links other names.", strings.Join(names, ", "))
}

// dropped has our users that the list does not have, in a stable order.
func dropped(wanted []wantedUser, found map[identity]foundUser) []identity {
	var names []identity
	for id, user := range found {
		isWanted := slices.ContainsFunc(wanted, func(w wantedUser) bool { return w.identity() == id })
		if user.isOurs() && !isWanted {
			names = append(names, id)
		}
	}
	slices.SortFunc(names, func(a, b identity) int { return strings.Compare(a.String(), b.String()) })
	return names
}
