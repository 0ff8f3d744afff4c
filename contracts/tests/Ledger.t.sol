// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

contract LedgerTest is Fixture {
    uint256 private constant OWNER_KEY = uint256(keccak256("owner"));
    address private owner = vm.addr(OWNER_KEY);

    function refusesEpoch(Ledger.EpochRoot memory r, bytes[] memory signatures, bytes memory why) private {
        vm.expectRevert(why);
        ledger.postEpoch(r, signatures);
    }

    // Posting

    function test_PostingMintsTheTotalToTheLedgerAndRemembersTheAccumulator() public {
        postAndClaim(2);
        distribute(300);
        Ledger.Claim[] memory claims = claimsOf(4);
        Ledger.EpochRoot memory r = epochRoot(claims);
        bytes[] memory signatures = signEpoch(r, 2);
        uint256 accumulator = token.accumulator();
        vm.assertTrue(accumulator != 0, "something was distributed");
        vm.expectEmit(address(ledger));
        emit Ledger.EpochPosted(2, r.root, r.previousRoot, 10e18, 4, r.treeHash, accumulator);
        vm.prank(member(9));
        ledger.postEpoch(r, signatures);
        vm.assertEq(ledger.latestEpoch(), 2, "latest");
        vm.assertEq(ledger.accumulatorAtPosting(2), accumulator, "accumulator");
        vm.assertEq(token.balanceOf(address(ledger)), 10e18, "minted to the ledger");
        vm.assertEq(token.totalSupply(), 13e18, "supply");
        vm.assertEq(ledger.epochOf(2).root, r.root, "root");
        vm.assertEq(ledger.epochOf(2).treeHash, r.treeHash, "all rewards");
        vm.assertEq(ledger.epochOf(3).root, 0, "no third epoch");
    }

    function test_EmptyEpochIsAllowed() public {
        post(claimsOf(0));
        post(claimsOf(1));
        vm.assertEq(ledger.latestEpoch(), 2, "both posted");
        vm.assertEq(token.totalSupply(), 1e18, "only the second mints");
    }

    function test_EpochWithLeavesButNoSharesIsAllowed() public {
        Ledger.Claim[] memory claims = claimsOf(2);
        claims[0].amount = claims[1].amount = 0;
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        vm.assertTrue(ledger.isClaimed(1, 0) && ledger.isClaimed(1, 1), "claimed");
        vm.assertEq(token.totalSupply(), 0, "nothing minted");
    }

    function test_MalformedEpochIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(0));
        r.total = 1;
        refusesEpoch(r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.MalformedEpoch.selector, 0, 1, 0));
        r = epochRoot(claimsOf(2));
        r.leaves = 0;
        refusesEpoch(r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.MalformedEpoch.selector, r.root, 3e18, 0));
        r = epochRoot(claimsOf(2));
        r.root = 0;
        refusesEpoch(r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.MalformedEpoch.selector, 0, 3e18, 2));
    }

    function test_EpochsGoInOrder() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        r.epoch = 2;
        refusesEpoch(r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.EpochOutOfOrder.selector, 2, 1));
        r.epoch = 0;
        refusesEpoch(r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.EpochOutOfOrder.selector, 0, 1));
        r.epoch = 1;
        bytes[] memory signatures = signEpoch(r, 2);
        ledger.postEpoch(r, signatures);
        refusesEpoch(r, signatures, abi.encodeWithSelector(Ledger.EpochOutOfOrder.selector, 1, 2));
    }

    function test_EpochContinuesThePreviousRoot() public {
        post(claimsOf(1));
        bytes32 first = ledger.epochOf(1).root;
        Ledger.EpochRoot memory r = epochRoot(claimsOf(2));
        r.previousRoot = keccak256("a fork");
        refusesEpoch(
            r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.PreviousRootMismatch.selector, r.previousRoot, first)
        );
    }

    function test_EpochCannotExceedItsCap() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        r.total = EPOCH_CAP + 1;
        refusesEpoch(
            r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.EpochCapExceeded.selector, EPOCH_CAP + 1, EPOCH_CAP)
        );
        r.total = EPOCH_CAP;
        ledger.postEpoch(r, signEpoch(r, 2));
    }

    // Signatures

    function test_OneSignatureFewerThanTheThresholdIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        refusesEpoch(r, signEpoch(r, 1), abi.encodeWithSelector(Ledger.TooFewSignatures.selector, 1, 2));
        refusesEpoch(r, signEpoch(r, 0), abi.encodeWithSelector(Ledger.TooFewSignatures.selector, 0, 2));
    }

    function test_MoreSignaturesThanTheThresholdAreAccepted() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        ledger.postEpoch(r, signEpoch(r, 3));
    }

    function test_SignerCannotCountTwice() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        signatures[1] = signatures[0];
        address signer = vm.addr(verifierKeys[0]);
        refusesEpoch(r, signatures, abi.encodeWithSelector(Ledger.SignersNotAscending.selector, signer, signer));
    }

    function test_SignersMustAscend() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        refusesEpoch(
            r,
            signatures,
            abi.encodeWithSelector(
                Ledger.SignersNotAscending.selector, vm.addr(verifierKeys[1]), vm.addr(verifierKeys[0])
            )
        );
    }

    function test_StrangersSignatureIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = new bytes[](3);
        uint256[] memory keys = new uint256[](3);
        (keys[0], keys[1], keys[2]) = (verifierKeys[0], verifierKeys[1], OWNER_KEY);
        uint256 j = 2;
        for (; j > 0 && vm.addr(keys[j - 1]) > owner; j--) {
            (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
        }
        for (uint256 i = 0; i < 3; i++) {
            signatures[i] = signature(keys[i], epochDigest(r));
        }
        refusesEpoch(r, signatures, abi.encodeWithSelector(Ledger.NotVerifier.selector, owner));
    }

    function test_SignaturesForAnOldVerifierSetAreRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(verifierKeys);
        // The very same verifiers, but another version: they must sign again.
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, 2);
        refusesEpoch(r, signatures, abi.encodeWithSelector(Ledger.VerifierSetMismatch.selector, 1, 2));
        r.verifierSetVersion = 2;
        ledger.postEpoch(r, signEpoch(r, 2));
    }

    function test_RemovedVerifierNoLongerCounts() public {
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(sortedKeys("next", 3));
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, 2);
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        refusesEpoch(
            r, signEpoch(r, 2), abi.encodeWithSelector(Ledger.NotVerifier.selector, vm.addr(verifierKeys[0]))
        );
    }

    /// The signer recovered from a signature over other data is some address nobody knows: refused for one of two reasons.
    function refusesSignatures(Ledger.EpochRoot memory r, bytes[] memory signatures) private {
        (bool ok, bytes memory why) = address(ledger).call(abi.encodeCall(ledger.postEpoch, (r, signatures)));
        bytes4 reason = bytes4(why);
        vm.assertTrue(
            !ok && (reason == Ledger.NotVerifier.selector || reason == Ledger.SignersNotAscending.selector),
            "refused for its signatures"
        );
    }

    function test_EpochSignedForAnotherChainIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        vm.chainId(block.chainid + 1);
        refusesSignatures(r, signatures);
    }

    function test_EpochSignedForAnotherLedgerIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        // Same founder, same verifiers, same set version.
        useAsset(params("twin"));
        refusesSignatures(r, signatures);
    }

    function test_EveryFieldOfAnEpochIsSigned() public {
        post(claimsOf(1));
        Ledger.EpochRoot memory r = epochRoot(claimsOf(2));
        bytes[] memory signatures = signEpoch(r, 2);
        r.root = keccak256("other");
        refusesSignatures(r, signatures);
        r = epochRoot(claimsOf(2));
        r.total++;
        refusesSignatures(r, signatures);
        r = epochRoot(claimsOf(2));
        r.leaves++;
        refusesSignatures(r, signatures);
        r = epochRoot(claimsOf(2));
        r.treeHash = keccak256("other");
        refusesSignatures(r, signatures);
        ledger.postEpoch(epochRoot(claimsOf(2)), signatures);
    }

    function test_MalformedSignatureIsRefused() public {
        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        bytes[] memory signatures = signEpoch(r, 2);
        bytes memory good = signatures[0];
        signatures[0] = bytes.concat(good, hex"00");
        refusesEpoch(r, signatures, abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 66));

        (uint8 v, bytes32 rr, bytes32 s) = vm.sign(verifierKeys[0], epochDigest(r));
        bytes32 high = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        signatures[0] = abi.encodePacked(rr, high, v == 27 ? uint8(28) : uint8(27));
        refusesEpoch(r, signatures, abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));

        signatures[0] = abi.encodePacked(rr, s, v - 27);
        refusesEpoch(r, signatures, abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
    }

    // Claims

    function test_AnybodyHandsAnOwnerTheirShares() public {
        Ledger.Claim[] memory claims = claimsOf(5);
        post(claims);
        bytes32[][] memory proofs = proofsOf(claims);
        vm.expectEmit(address(ledger));
        emit Ledger.SharesClaimed(1, 4, claims[4].contribution, member(4), 5e18);
        vm.prank(member(9));
        ledger.claim(claims[4], proofs[4]);
        vm.assertEq(token.balanceOf(member(4)), 5e18, "the owner has the shares");
        vm.assertEq(token.balanceOf(address(ledger)), 10e18, "the rest waits");
        vm.assertTrue(ledger.isClaimed(1, 4) && !ledger.isClaimed(1, 3), "claimed");
        vm.assertEq(ledger.epochOf(1).claimed, 5e18, "sum");
    }

    function test_ClaimCannotBeMadeTwice() public {
        Ledger.Claim[] memory claims = claimsOf(3);
        post(claims);
        bytes32[][] memory proofs = proofsOf(claims);
        ledger.claim(claims[1], proofs[1]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.AlreadyClaimed.selector, 1, 1));
        ledger.claim(claims[1], proofs[1]);
    }

    function test_BatchPassesOverWhatWasClaimedBefore() public {
        Ledger.Claim[] memory claims = claimsOf(3);
        post(claims);
        ledger.claim(claims[1], proofsOf(claims)[1]);
        bytes32[] memory none = new bytes32[](0);
        vm.assertEq(ledger.claimMany(claims, none), 2, "two were new");
        vm.assertEq(ledger.claimMany(claims, none), 0, "none was new");
        vm.assertEq(ledger.claimMany(new Ledger.Claim[](0), none), 0, "nothing asked");
        for (uint256 i = 0; i < 3; i++) {
            vm.assertEq(token.balanceOf(member(i)), (i + 1) * 1e18, "each once");
        }
    }

    function test_BatchIsOfLeavesSideBySide() public {
        Ledger.Claim[] memory claims = claimsOf(4);
        post(claims);
        bytes32[] memory none = new bytes32[](0);
        (claims[1], claims[2]) = (claims[2], claims[1]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.NotSideBySide.selector, 1, 2));
        ledger.claimMany(claims, none);
        (claims[1], claims[2]) = (claims[0], claims[1]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.NotSideBySide.selector, 1, 0));
        ledger.claimMany(claims, none);
        claims = claimsOf(4); // of the second epoch
        post(claims);
        claims[3].epoch = 1;
        vm.expectRevert(abi.encodeWithSelector(Ledger.NotSideBySide.selector, 1, 3));
        ledger.claimMany(claims, none);
        (claims[0].epoch, claims[3].epoch) = (3, 2);
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 3, 3));
        ledger.claimMany(claims, none);
        claims = part(claims, 1, 3);
        claims[0].index = 2;
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 2, 4));
        ledger.claimMany(claims, none);
    }

    function testFuzz_AnyRangeOfAnyTreeIsTakenWithItsProofAndWithNoOther(uint256 size, uint256 first, uint256 count)
        public
    {
        size = bound(size, 1, 70);
        first = bound(first, 0, size - 1);
        count = bound(count, 1, size - first);
        Ledger.Claim[] memory claims = claimsOf(size);
        post(claims);
        Ledger.Claim[] memory some = part(claims, first, count);
        bytes32[] memory proof = rangeProofOf(leavesOf(claims), first, count);
        bytes memory refusal = abi.encodeWithSelector(Ledger.InvalidProof.selector, 1, first);

        bytes32[] memory longer = new bytes32[](proof.length + 1);
        bytes32[] memory shorter = new bytes32[](proof.length == 0 ? 0 : proof.length - 1);
        for (uint256 i = 0; i < proof.length; i++) {
            longer[i] = proof[i];
            if (i < shorter.length) shorter[i] = proof[i];
        }
        vm.expectRevert(refusal);
        ledger.claimMany(some, longer);
        if (proof.length != 0) {
            vm.expectRevert(refusal);
            ledger.claimMany(some, shorter);
            bytes32 node = proof[size % proof.length];
            proof[size % proof.length] = keccak256("another node");
            vm.expectRevert(refusal);
            ledger.claimMany(some, proof);
            proof[size % proof.length] = node;
        }
        some[count / 2].amount++;
        vm.expectRevert(refusal);
        ledger.claimMany(some, proof);
        some[count / 2].amount--;

        vm.assertEq(ledger.claimMany(some, proof), count, "all of the range");
        for (uint256 i = 0; i < size; i++) {
            vm.assertTrue(ledger.isClaimed(1, uint32(i)) == (i >= first && i < first + count), "and nothing else");
        }
    }

    function test_BatchJoinsClaimsOfOneOwnerButNeverTwoOwners() public {
        address[] memory owners = new address[](4);
        uint256[] memory amounts = new uint256[](4);
        (owners[0], owners[1], owners[2], owners[3]) = (member(0), member(0), member(1), member(0));
        (amounts[0], amounts[1], amounts[2], amounts[3]) = (1e18, 2e18, 4e18, 8e18);
        Ledger.Claim[] memory first = claimsOf(owners, amounts);
        post(first);
        distribute(15_000);
        Ledger.Claim[] memory second = claimsOf(owners, amounts);
        post(second);
        vm.assertEq(ledger.claimMany(first, new bytes32[](0)), 4, "all");
        vm.assertEq(ledger.claimMany(second, new bytes32[](0)), 4, "all");
        vm.assertEq(token.balanceOf(member(0)), 22e18, "owner 0");
        vm.assertEq(token.balanceOf(member(1)), 8e18, "owner 1");
        // Of 15,000 for 15 shares; the second epoch came after.
        vm.assertEq(token.claimable(member(0)) + 1, 11_000, "dividends of owner 0, less the fraction rounded down");
        vm.assertEq(token.claimable(member(1)) + 1, 4_000, "dividends of owner 1, less the fraction rounded down");
    }

    function test_ClaimNeedsItsOwnProof() public {
        Ledger.Claim[] memory claims = claimsOf(4);
        post(claims);
        bytes32[][] memory proofs = proofsOf(claims);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InvalidProof.selector, 1, 0));
        ledger.claim(claims[0], proofs[1]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InvalidProof.selector, 1, 0));
        ledger.claim(claims[0], new bytes32[](0));
    }

    function testFuzz_NoFieldOfAClaimCanBeChanged(uint256 size, uint256 index, uint256 field) public {
        size = bound(size, 1, 40);
        index = bound(index, 0, size - 1);
        Ledger.Claim[] memory claims = claimsOf(size);
        post(claims);
        bytes32[] memory proof = proofOf(leavesOf(claims), index);
        Ledger.Claim memory c = claims[index];
        field = bound(field, 0, 4);
        if (field == 0) c.index = uint32(size - 1 - index == index ? (index + 1) % size : size - 1 - index);
        else if (field == 1) c.contribution = keccak256("mine");
        else if (field == 2) c.owner = address(this);
        else if (field == 3) c.amount++;
        else c.partsRoot = keccak256("mine");
        if (field == 0 && size == 1) return;
        vm.expectRevert(abi.encodeWithSelector(Ledger.InvalidProof.selector, 1, c.index));
        ledger.claim(c, proof);
    }

    function test_ClaimOfAnotherEpochIsRefused() public {
        Ledger.Claim[] memory claims = claimsOf(3);
        post(claims);
        bytes32[][] memory proofs = proofsOf(claims);
        post(claimsOf(3));
        claims[0].epoch = 2;
        vm.expectRevert(abi.encodeWithSelector(Ledger.InvalidProof.selector, 2, 0));
        ledger.claim(claims[0], proofs[0]);
    }

    function test_UnknownEpochOrIndexIsRefused() public {
        Ledger.Claim memory c;
        bytes32[] memory proof = new bytes32[](0);
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 0, 0));
        ledger.claim(c, proof);
        post(claimsOf(3));
        c.epoch = 2;
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 2, 0));
        ledger.claim(c, proof);
        c.epoch = 1;
        c.index = 3;
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 1, 3));
        ledger.claim(c, proof);
    }

    function test_NothingCanBeClaimedFromAnEmptyEpoch() public {
        post(claimsOf(0));
        Ledger.Claim memory c;
        c.epoch = 1;
        vm.expectRevert(abi.encodeWithSelector(Ledger.UnknownLeaf.selector, 1, 0));
        ledger.claim(c, new bytes32[](0));
    }

    function test_InnerNodeCannotPassForALeaf() public {
        Ledger.Claim[] memory claims = claimsOf(4);
        post(claims);
        bytes32[] memory leaves = leavesOf(claims);
        bytes32[] memory rest = new bytes32[](1);
        rest[0] = hashPair(leaves[2], leaves[3]);
        bytes32 inner = hashPair(leaves[0], leaves[1]);
        vm.assertEq(hashPair(inner, rest[0]), ledger.epochOf(1).root, "the node is one step below the root");
        // A leaf hashes 192 bytes, and hashes them twice: none of the words below can be made to be the inner node, and
        // the node's own 64 bytes, hashed as a leaf is, are not the node.
        vm.assertTrue(keccak256(bytes.concat(inner)) != inner, "hashed twice");
        Ledger.Claim memory c = claims[0];
        (c.contribution, c.partsRoot) = leaves[0] < leaves[1] ? (leaves[0], leaves[1]) : (leaves[1], leaves[0]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InvalidProof.selector, 1, 0));
        ledger.claim(c, rest);
    }

    function test_EpochWithLeavesAboveItsTotalPaysNoMoreThanTheTotal() public {
        Ledger.Claim[] memory claims = claimsOf(3);
        Ledger.EpochRoot memory r = epochRoot(claims);
        r.total = 4e18;
        ledger.postEpoch(r, signEpoch(r, 2));
        bytes32[][] memory proofs = proofsOf(claims);
        ledger.claim(claims[0], proofs[0]);
        ledger.claim(claims[2], proofs[2]);
        vm.expectRevert(abi.encodeWithSelector(Ledger.TotalExceeded.selector, 1, 6e18, 4e18));
        ledger.claim(claims[1], proofs[1]);
    }

    function test_IndexesBeyondOneWordOfTheBitmapAreApart() public {
        Ledger.Claim[] memory claims = claimsOf(300);
        post(claims);
        bytes32[] memory leaves = leavesOf(claims);
        ledger.claim(claims[0], proofOf(leaves, 0));
        vm.assertTrue(!ledger.isClaimed(1, 256), "same bit, next word");
        ledger.claim(claims[256], proofOf(leaves, 256));
        ledger.claim(claims[299], proofOf(leaves, 299));
        vm.assertTrue(ledger.isClaimed(1, 256) && ledger.isClaimed(1, 299) && !ledger.isClaimed(1, 43), "bits");
    }

    // Withdrawals

    function withdrawDigest(uint256 deadline) private view returns (bytes32) {
        bytes32 contribution = keccak256(abi.encode(block.chainid, address(ledger), owner, bytes32("salt")));
        return typedDigest(
            "Trove Ledger",
            block.chainid,
            address(ledger),
            keccak256(abi.encode(keccak256(bytes(WITHDRAW_TYPE)), owner, contribution, deadline))
        );
    }

    function refusesWithdrawal(address who, bytes32 salt, uint256 deadline, bytes memory s) private {
        (bool ok, bytes memory why) =
            address(ledger).call(abi.encodeCall(ledger.withdraw, (who, salt, deadline, s)));
        vm.assertTrue(!ok && bytes4(why) == Ledger.NotOwner.selector, "refused with NotOwner");
    }

    function test_OwnerWithdrawsWithoutASignature() public {
        bytes32 contribution = ledger.contributionOf(owner, "salt");
        vm.assertEq(
            contribution, keccak256(abi.encode(block.chainid, address(ledger), owner, bytes32("salt"))), "identifier"
        );
        vm.expectEmit(address(ledger));
        emit Ledger.ContributionWithdrawn(contribution, owner);
        vm.prank(owner);
        ledger.withdraw(owner, "salt", 0, "");
        vm.assertEq(ledger.withdrawnAt(contribution), block.timestamp, "tombstone");
    }

    function test_AnybodySendsASignedWithdrawalAndOnlyOnce() public {
        bytes memory s = signature(OWNER_KEY, withdrawDigest(DEADLINE));
        vm.warp(DEADLINE);
        ledger.withdraw(owner, "salt", DEADLINE, s);
        bytes32 contribution = ledger.contributionOf(owner, "salt");
        vm.assertEq(ledger.withdrawnAt(contribution), DEADLINE, "tombstone");
        vm.expectRevert(abi.encodeWithSelector(Ledger.AlreadyWithdrawn.selector, contribution));
        ledger.withdraw(owner, "salt", DEADLINE, s);
        vm.expectRevert(abi.encodeWithSelector(Ledger.AlreadyWithdrawn.selector, contribution));
        vm.prank(owner);
        ledger.withdraw(owner, "salt", DEADLINE, "");
    }

    function test_WithdrawalFailsAfterItsDeadline() public {
        bytes memory s = signature(OWNER_KEY, withdrawDigest(DEADLINE));
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(Ledger.SignatureExpired.selector, DEADLINE));
        ledger.withdraw(owner, "salt", DEADLINE, s);
        refusesWithdrawal(owner, "salt", DEADLINE + 1, s);
    }

    function test_WithdrawalFailsOnAnotherChain() public {
        bytes memory s = signature(OWNER_KEY, withdrawDigest(DEADLINE));
        vm.chainId(block.chainid + 1);
        refusesWithdrawal(owner, "salt", DEADLINE, s);
    }

    function test_WithdrawalFailsOnAnotherLedger() public {
        bytes memory s = signature(OWNER_KEY, withdrawDigest(DEADLINE));
        useAsset(params("twin"));
        refusesWithdrawal(owner, "salt", DEADLINE, s);
    }

    function test_WithdrawalFailsForAnotherContributionOrOwner() public {
        bytes memory s = signature(OWNER_KEY, withdrawDigest(DEADLINE));
        refusesWithdrawal(owner, "salt 2", DEADLINE, s);
        refusesWithdrawal(member(0), "salt", DEADLINE, s);
    }

    function test_WithdrawnContributionKeepsTheSharesItEarned() public {
        bytes32 contribution = ledger.contributionOf(owner, "salt");
        Ledger.Claim[] memory claims = claimsOf(1);
        (claims[0].contribution, claims[0].owner) = (contribution, owner);
        post(claims);
        vm.prank(owner);
        ledger.withdraw(owner, "salt", 0, "");
        ledger.claim(claims[0], new bytes32[](0));
        vm.assertEq(token.balanceOf(owner), 1e18, "earned before");
    }
}
