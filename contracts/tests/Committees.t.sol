// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Registry} from "../src/Registry.sol";

/// Which guardians hold an asset's keys: who the owners invited, and only with what all of them signed.
contract CommitteesTest is Fixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256[] private pool;

    function setUp() public override {
        super.setUp();
        pool = sortedKeys("guardian", 16);
    }

    /// Some of the pool, with shares of their own in each epoch.
    function committee(uint256 first, uint256 count, uint32 threshold, uint32 epoch)
        private
        view
        returns (Registry.Custody memory c)
    {
        uint256[] memory keys = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            keys[i] = pool[first + i];
        }
        c = custody(keys, threshold, new uint256[](0));
        for (uint256 i = 0; i < count; i++) {
            c.commitments[i] = keccak256(abi.encode(c.commitments[i], epoch));
            c.oprfCommitments[i] = keccak256(abi.encode(c.oprfCommitments[i], epoch));
        }
    }

    function invite(address[] memory guardians, uint32 threshold) private {
        vm.prank(address(timelock));
        registry.inviteGuardians(guardians, threshold);
    }

    function invite(Registry.Custody memory c) private {
        invite(c.guardians, c.threshold);
    }

    function confirmed(Registry.Custody memory c) private view returns (Registry.Ceremony memory) {
        return confirmed(address(registry), c, registry.committeeEpoch() + 1, registry.recipient());
    }

    function changeCall(Registry.Custody memory c, Registry.Ceremony memory made) private pure returns (bytes memory) {
        return abi.encodeCall(
            Registry.changeGuardians,
            (c.guardians, c.commitments, c.oprfCommitments, c.threshold, made.transcript, made.confirmations)
        );
    }

    function change(Registry.Custody memory c, Registry.Ceremony memory made) private returns (bool ok) {
        (ok,) = address(registry).call(changeCall(c, made));
    }

    function change(Registry.Custody memory c) private {
        invite(c);
        vm.assertTrue(change(c, confirmed(c)), "changed");
    }

    /// Nothing may have changed after a refusal: the invitation stands, and so does the committee.
    function refuses(Registry.Custody memory c, Registry.Ceremony memory made, bytes memory why) private {
        bytes32 before = state();
        (bool ok, bytes memory answer) = address(registry).call(changeCall(c, made));
        vm.assertTrue(!ok, "is refused");
        vm.assertEq(keccak256(answer), keccak256(why), "for this reason");
        vm.assertEq(state(), before, "and changes nothing");
    }

    function state() private view returns (bytes32) {
        (address[] memory guardians, uint32 threshold) = registry.invitation();
        return keccak256(
            abi.encode(guardians, threshold, registry.custody(), registry.committeeEpoch(), registry.transcript())
        );
    }

    function notConfirmed(address guardian) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Registry.NotConfirmed.selector, guardian);
    }

    function notInvited() private pure returns (bytes memory) {
        return abi.encodeWithSelector(Registry.NotInvited.selector);
    }

    function inForce(Registry.Custody memory c, uint32 epoch, string memory what) private view {
        Registry.Custody memory found = registry.custody();
        c.runners = addressesOf(runnerKeys);
        vm.assertEq(keccak256(abi.encode(found)), keccak256(abi.encode(c)), what);
        vm.assertEq(registry.committeeEpoch(), epoch, what);
        vm.assertEq(registry.transcript(), keccak256(abi.encode("transcript", epoch)), what);
        (address[] memory guardians, uint32 threshold) = registry.invitation();
        vm.assertEq(guardians.length + threshold, 0, "the invitation is used up");
    }

    // At creation

    function test_FirstCommitteeComesWithTheAsset() public {
        inForce(params("asset").custody, 1, "the first");
        AssetFactory.AssetParams memory p = params("another");
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.expectEmit(factory.predict(founder, p.salt).registry);
        emit Registry.GuardiansChanged(
            1, p.custody.guardians, p.custody.commitments, p.custody.oprfCommitments, 2, made.transcript
        );
        vm.prank(founder);
        factory.create(p, made);
    }

    function refusesFirst(AssetFactory.AssetParams memory p, Registry.Ceremony memory made, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(founder);
        factory.create(p, made);
    }

    function test_NoAssetWithoutTheSignatureOfEveryGuardian() public {
        AssetFactory.AssetParams memory p = params("another");
        address[] memory g = p.custody.guardians;
        Registry.Ceremony memory made = ceremony(p, founder);
        bytes[] memory all = made.confirmations;
        for (uint256 i = 0; i < 3; i++) {
            made.confirmations = confirmationsBut(all, i, new bytes(65));
            refusesFirst(p, made, notConfirmed(g[i]));
            made.confirmations = confirmationsBut(all, i, all[(i + 1) % 3]);
            refusesFirst(p, made, notConfirmed(g[i]));
        }
        made.confirmations = new bytes[](0);
        refusesFirst(p, made, abi.encodeWithSelector(Registry.CustodyOutOfRange.selector, 3, 0, 2));
        made.confirmations = new bytes[](4);
        (made.confirmations[0], made.confirmations[1], made.confirmations[2]) = (all[0], all[1], all[2]);
        refusesFirst(p, made, abi.encodeWithSelector(Registry.CustodyOutOfRange.selector, 3, 4, 2));
        (made.confirmations, made.transcript) = (all, 0);
        refusesFirst(p, made, abi.encodeWithSelector(Registry.ZeroValue.selector));
        made.transcript = "another";
        refusesFirst(p, made, notConfirmed(g[0]));
        // What they signed for another recipient, another salt, or as a later epoch.
        refusesFirst(p, confirmed(factory.predict(founder, p.salt).registry, p.custody, 1, "mine"), notConfirmed(g[0]));
        refusesFirst(p, ceremony(params("asset"), founder), notConfirmed(g[0]));
        refusesFirst(
            p, confirmed(factory.predict(founder, p.salt).registry, p.custody, 2, p.recipient), notConfirmed(g[0])
        );
        create(p, founder);
    }

    function confirmationsBut(bytes[] memory all, uint256 i, bytes memory other)
        private
        pure
        returns (bytes[] memory some)
    {
        some = new bytes[](all.length);
        for (uint256 j = 0; j < all.length; j++) {
            some[j] = j == i ? other : all[j];
        }
    }

    // Invitations

    function test_OwnersInviteAndTakeBack() public {
        Registry.Custody memory c = committee(0, 5, 3, 2);
        vm.expectEmit(address(registry));
        emit Registry.GuardiansInvited(2, c.guardians, 3);
        invite(c);
        (address[] memory guardians, uint32 threshold) = registry.invitation();
        vm.assertEq(keccak256(abi.encode(guardians)), keccak256(abi.encode(c.guardians)), "guardians");
        vm.assertEq(threshold, 3, "threshold");
        vm.assertEq(registry.committeeEpoch(), 1, "an invitation changes nothing yet");
        vm.expectEmit(address(registry));
        emit Registry.GuardiansInvited(2, new address[](0), 0);
        invite(new address[](0), 0);
        (guardians, threshold) = registry.invitation();
        vm.assertEq(guardians.length + threshold, 0, "taken back");
        refuses(c, confirmed(c), notInvited());
    }

    function test_OnlyTheTimelockInvitesAndPausesUntil() public {
        Registry.Custody memory c = committee(0, 3, 2, 2);
        address[4] memory others = [founder, address(this), address(governor), c.guardians[0]];
        for (uint256 i = 0; i < others.length; i++) {
            bytes memory why = abi.encodeWithSelector(Registry.NotTimelock.selector, others[i]);
            vm.expectRevert(why);
            vm.prank(others[i]);
            registry.inviteGuardians(c.guardians, 2);
            vm.expectRevert(why);
            vm.prank(others[i]);
            registry.pauseUntil(0);
        }
    }

    function refusesInvitation(address[] memory guardians, uint32 threshold, bytes memory why) private {
        vm.expectRevert(why);
        invite(guardians, threshold);
    }

    function test_MalformedInvitationIsRefused() public {
        address[] memory g = committee(0, 3, 2, 2).guardians;
        bytes4 outOfRange = Registry.CustodyOutOfRange.selector;
        refusesInvitation(g, 0, abi.encodeWithSelector(outOfRange, 3, 3, 0));
        refusesInvitation(g, 4, abi.encodeWithSelector(outOfRange, 3, 3, 4));
        refusesInvitation(new address[](0), 1, abi.encodeWithSelector(outOfRange, 0, 0, 1));
        refusesInvitation(
            addressesOf(sortedKeys("guardian", 17)), 2, abi.encodeWithSelector(outOfRange, 17, 17, 2)
        );
        address third = g[2];
        g[2] = address(0);
        refusesInvitation(g, 2, abi.encodeWithSelector(Registry.ZeroValue.selector));
        g[2] = g[0];
        refusesInvitation(g, 2, abi.encodeWithSelector(Registry.Duplicate.selector));
        g[2] = third;
        invite(g, 3);
    }

    // Changes

    function test_InvitedCommitteeComesIntoForceAndTheOthersAreOut() public {
        Registry.Custody memory c = committee(2, 5, 3, 2);
        invite(c);
        Registry.Ceremony memory made = confirmed(c);
        vm.expectEmit(address(registry));
        emit Registry.GuardiansChanged(2, c.guardians, c.commitments, c.oprfCommitments, 3, made.transcript);
        // By anybody.
        vm.prank(member(0));
        vm.assertTrue(change(c, made), "changed");
        inForce(c, 2, "five");
        vm.assertTrue(registry.isRunner(vm.addr(runnerKeys[0])), "runners stay");
        address old = vm.addr(guardianKeys[0]);
        vm.assertTrue(old != c.guardians[0] && old != c.guardians[4], "one who left");
        // Fewer again: nothing is left of the longer lists.
        c = committee(0, 1, 1, 3);
        change(c);
        inForce(c, 3, "one");
        c = committee(0, 16, 16, 4);
        change(c);
        inForce(c, 4, "sixteen");
    }

    function test_SameGuardiansRefreshTheirShares() public {
        Registry.Custody memory c = custody(guardianKeys, 2, new uint256[](0));
        for (uint32 epoch = 2; epoch < 5; epoch++) {
            for (uint256 i = 0; i < 3; i++) {
                (c.commitments[i], c.oprfCommitments[i]) =
                (keccak256(abi.encode(c.commitments[i])), keccak256(abi.encode(c.oprfCommitments[i])));
            }
            change(c);
            inForce(c, epoch, "refreshed");
        }
    }

    function test_NobodyComesIntoForceUninvited() public {
        Registry.Custody memory c = committee(0, 4, 2, 2);
        refuses(c, confirmed(c), notInvited());
        invite(c);
        Registry.Custody memory other = committee(0, 3, 2, 2);
        refuses(other, confirmed(other), notInvited());
        other = committee(0, 5, 2, 2);
        refuses(other, confirmed(other), notInvited());
        other = committee(1, 4, 2, 2);
        refuses(other, confirmed(other), notInvited());
        other = committee(0, 4, 3, 2);
        refuses(other, confirmed(other), notInvited());
        // The order says whose share is which.
        other = committee(0, 4, 2, 2);
        (other.guardians[0], other.guardians[1]) = (other.guardians[1], other.guardians[0]);
        refuses(other, confirmed(other), notInvited());
        vm.assertTrue(change(c, confirmed(c)), "who is invited");
        // Once.
        c = committee(0, 4, 2, 3);
        refuses(c, confirmed(c), notInvited());
    }

    function test_NoInvitationIsNoInvitationOfNobody() public {
        Registry.Custody memory nobody = committee(0, 0, 0, 2);
        refuses(nobody, confirmed(nobody), notInvited());
        invite(committee(0, 3, 2, 2));
        refuses(nobody, confirmed(nobody), notInvited());
        invite(new address[](0), 0);
        refuses(nobody, confirmed(nobody), notInvited());
    }

    function test_InvitationThatIsReplacedEndsTheCeremonyThatRan() public {
        Registry.Custody memory first = committee(0, 3, 2, 2);
        invite(first);
        Registry.Ceremony memory made = confirmed(first);
        Registry.Custody memory second = committee(3, 3, 2, 2);
        invite(second);
        refuses(first, made, notInvited());
        vm.assertTrue(change(second, confirmed(second)), "the latest invitation counts");
        // The first are invited once more: what they signed was for the epoch that others had.
        invite(first);
        refuses(first, made, notConfirmed(first.guardians[0]));
    }

    function test_ConfirmationIsForOneCommitteeEpochRecipientRegistryAndChain() public {
        Registry.Custody memory c = committee(0, 4, 2, 2);
        invite(c);
        bytes memory why = notConfirmed(c.guardians[0]);
        address r = address(registry);
        bytes32 recipient = registry.recipient();
        refuses(c, confirmed(r, c, 1, recipient), why);
        Registry.Ceremony memory made = confirmed(r, c, 3, recipient);
        refuses(c, made, why);
        refuses(c, confirmed(r, c, 2, "mine"), why);
        refuses(c, confirmed(factory.predict(founder, "twin").registry, c, 2, recipient), why);
        made = confirmed(r, c, 2, recipient);
        made.transcript = "another";
        refuses(c, made, why);
        made = confirmed(r, c, 2, recipient);
        Registry.Custody memory other = committee(0, 4, 2, 2);
        other.commitments[3] = "mine";
        refuses(other, made, why);
        other = committee(0, 4, 2, 2);
        other.oprfCommitments[3] = "mine";
        refuses(other, made, why);
        // What is a commitment of one key is none of the other.
        other = committee(0, 4, 2, 2);
        (other.commitments, other.oprfCommitments) = (other.oprfCommitments, other.commitments);
        refuses(other, made, why);
        invite(c.guardians, 3);
        other = committee(0, 4, 3, 2);
        refuses(other, made, why);
        invite(c);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refuses(c, made, why);
        vm.chainId(chain);
        vm.assertTrue(change(c, made), "as it was signed");
    }

    function test_ConfirmationsCannotBeReplayed() public {
        Registry.Custody memory c = committee(0, 3, 2, 2);
        invite(c);
        Registry.Ceremony memory made = confirmed(c);
        vm.assertTrue(change(c, made), "first");
        refuses(c, made, notInvited());
        invite(c);
        refuses(c, made, abi.encodeWithSelector(Registry.Duplicate.selector));
        change(committee(0, 3, 2, 3));
        // By now the shares are others; the old committee does not come back by what it signed.
        invite(c);
        refuses(c, made, notConfirmed(c.guardians[0]));
    }

    function test_EveryGuardianConfirmsWithItsOwnSignatureInItsPlace() public {
        Registry.Custody memory c = committee(0, 16, 9, 2);
        invite(c);
        Registry.Ceremony memory made = confirmed(c);
        bytes[] memory all = made.confirmations;
        for (uint256 i = 0; i < 16; i++) {
            made.confirmations = confirmationsBut(all, i, all[(i + 1) % 16]);
            refuses(c, made, notConfirmed(c.guardians[i]));
            made.confirmations = confirmationsBut(all, i, "");
            refuses(c, made, notConfirmed(c.guardians[i]));
        }
        made.confirmations = new bytes[](15);
        refuses(c, made, abi.encodeWithSelector(Registry.CustodyOutOfRange.selector, 16, 15, 9));
        made.confirmations = new bytes[](17);
        refuses(c, made, abi.encodeWithSelector(Registry.CustodyOutOfRange.selector, 16, 17, 9));
        (made.confirmations, made.transcript) = (all, 0);
        refuses(c, made, abi.encodeWithSelector(Registry.ZeroValue.selector));
    }

    function test_MalleatedCompactAndLongSignaturesAreRefused() public {
        Registry.Custody memory c = committee(0, 2, 2, 2);
        invite(c);
        Registry.Ceremony memory made = confirmed(c);
        bytes[] memory all = made.confirmations;
        bytes32 digest =
            committeeDigest(address(registry), c, 2, registry.recipient(), made.transcript);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(pool[0], digest);
        made.confirmations =
            confirmationsBut(all, 0, abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27)));
        refuses(c, made, notConfirmed(c.guardians[0]));
        made.confirmations = confirmationsBut(all, 0, abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255)));
        refuses(c, made, notConfirmed(c.guardians[0]));
        made.confirmations = confirmationsBut(all, 0, abi.encodePacked(all[0], uint8(0)));
        refuses(c, made, notConfirmed(c.guardians[0]));
        made.confirmations = all;
        vm.assertTrue(change(c, made), "their own");
    }

    // Commitments

    function refusesCommitments(Registry.Custody memory c, bytes memory why) private {
        refuses(c, confirmed(c), why);
    }

    function test_MalformedCommitmentsAreRefused() public {
        invite(committee(0, 3, 2, 2));
        bytes4 outOfRange = Registry.CustodyOutOfRange.selector;
        Registry.Custody memory c = committee(0, 3, 2, 2);
        c.commitments = new bytes32[](2);
        refusesCommitments(c, abi.encodeWithSelector(outOfRange, 3, 2, 2));
        c = committee(0, 3, 2, 2);
        c.oprfCommitments = new bytes32[](4);
        refusesCommitments(c, abi.encodeWithSelector(outOfRange, 3, 4, 2));
        c = committee(0, 3, 2, 2);
        c.commitments[1] = 0;
        refusesCommitments(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        c = committee(0, 3, 2, 2);
        c.oprfCommitments[2] = 0;
        refusesCommitments(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        c = committee(0, 3, 2, 2);
        c.commitments[2] = c.commitments[0];
        refusesCommitments(c, abi.encodeWithSelector(Registry.Duplicate.selector));
        c = committee(0, 3, 2, 2);
        c.oprfCommitments[1] = c.oprfCommitments[0];
        refusesCommitments(c, abi.encodeWithSelector(Registry.Duplicate.selector));
    }

    /// A share that is still good would make the change no change.
    function test_NoCommitmentOfTheFormerCommitteeStays() public {
        Registry.Custody memory former = registry.custody();
        invite(committee(3, 4, 2, 2));
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 j = 0; j < 4; j++) {
                Registry.Custody memory c = committee(3, 4, 2, 2);
                c.commitments[j] = former.commitments[i];
                refusesCommitments(c, abi.encodeWithSelector(Registry.Duplicate.selector));
                c = committee(3, 4, 2, 2);
                c.oprfCommitments[j] = former.oprfCommitments[i];
                refusesCommitments(c, abi.encodeWithSelector(Registry.Duplicate.selector));
            }
        }
    }

    function test_WithAThresholdOfOneEveryShareIsTheKey() public {
        Registry.Custody memory c = committee(0, 3, 1, 2);
        for (uint256 i = 1; i < 3; i++) {
            (c.commitments[i], c.oprfCommitments[i]) = (c.commitments[0], c.oprfCommitments[0]);
        }
        change(c);
        inForce(c, 2, "three with the key");
        Registry.Custody memory alone = committee(5, 1, 1, 3);
        (alone.commitments[0], alone.oprfCommitments[0]) = (c.commitments[0], c.oprfCommitments[0]);
        change(alone);
        inForce(alone, 3, "handed on");
        // Two of two would hold nothing but halves that are the whole.
        Registry.Custody memory two = committee(0, 2, 2, 4);
        two.commitments[1] = alone.commitments[0];
        invite(two);
        refusesCommitments(two, abi.encodeWithSelector(Registry.Duplicate.selector));
    }

    // Pauses

    function pauseAs(address who, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(who);
        registry.pause();
    }

    function test_OwnersPauseAsLongAsTheyLikeAndLiftAnyPause() public {
        uint256 until = vm.getBlockTimestamp() + 365 days;
        vm.expectEmit(address(registry));
        emit Registry.PausedUntil(address(timelock), until);
        vm.prank(address(timelock));
        registry.pauseUntil(until);
        vm.assertEq(registry.pausedUntil(), until, "paused");
        vm.prank(address(timelock));
        registry.pauseUntil(0);
        vm.assertEq(registry.pausedUntil(), 0, "lifted");
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        vm.prank(address(timelock));
        registry.pauseUntil(0);
        vm.assertEq(registry.pausedUntil(), 0, "a guardian's too");
        // Which does not give that guardian another.
        pauseAs(
            vm.addr(guardianKeys[0]),
            abi.encodeWithSelector(Registry.PausedRecently.selector, vm.getBlockTimestamp() + 30 days)
        );
    }

    function test_NoGuardianShortensTheOwnersPause() public {
        uint256 until = vm.getBlockTimestamp() + 3 days + 1;
        vm.prank(address(timelock));
        registry.pauseUntil(until);
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        vm.assertEq(registry.pausedUntil(), until, "the longer stands");
        vm.warp(vm.getBlockTimestamp() + 2);
        vm.prank(vm.addr(guardianKeys[1]));
        registry.pause();
        vm.assertEq(registry.pausedUntil(), vm.getBlockTimestamp() + 3 days, "and a later one is longer");
    }

    function test_WhoLeftCannotPauseAndWhoComesBackNotTooSoon() public {
        address leaving = vm.addr(guardianKeys[0]);
        uint256 again = vm.getBlockTimestamp() + 30 days;
        vm.prank(leaving);
        registry.pause();
        Registry.Custody memory others;
        {
            // Those of the pool who are not in the first committee.
            uint256[] memory keys = new uint256[](2);
            uint256 n = 0;
            for (uint256 i = 0; n < 2; i++) {
                address a = vm.addr(pool[i]);
                bool isIn = false;
                for (uint256 j = 0; j < 3; j++) {
                    isIn = isIn || a == vm.addr(guardianKeys[j]);
                }
                if (!isIn) keys[n++] = pool[i];
            }
            others = custody(keys, 2, new uint256[](0));
        }
        change(others);
        pauseAs(leaving, abi.encodeWithSelector(Registry.NotGuardian.selector, leaving));
        vm.warp(again - 1);
        // The new ones can, though.
        vm.prank(others.guardians[1]);
        registry.pause();
        Registry.Custody memory back = custody(guardianKeys, 2, new uint256[](0));
        change(back);
        pauseAs(leaving, abi.encodeWithSelector(Registry.PausedRecently.selector, again));
        vm.warp(again);
        vm.prank(leaving);
        registry.pause();
    }

    // Whatever is tried

    /// Three rounds of an invitation and an attempt, with any of the flaws: it succeeds if and only if there is none.
    function testFuzz_NoCommitteeWithoutAnInvitationAndAllSignatures(uint256[3] calldata seeds) public {
        for (uint256 round = 0; round < 3; round++) {
            uint256 r = uint256(keccak256(abi.encode(seeds[round])));
            uint32 epoch = registry.committeeEpoch() + 1;
            uint256 count = 1 + r % 6;
            Registry.Custody memory c = committee((r >> 8) % 4, count, uint32(1 + (r >> 16) % count), epoch);
            invite(c);
            Registry.Ceremony memory made = confirmed(c);
            uint256 which = (r >> 24) % count;
            uint256 flaw = (r >> 32) % 12;
            if (flaw == 0) invite(new address[](0), 0);
            if (flaw == 1) invite(addressesOf(sortedKeys("verifier", 2)), 1);
            if (flaw == 2) c.guardians[which] = vm.addr(pool[15]);
            if (flaw == 3) c.threshold += 1;
            if (flaw == 4) made = confirmed(address(registry), c, epoch + 1, registry.recipient());
            if (flaw == 5) made = confirmed(address(ledger), c, epoch, registry.recipient());
            if (flaw == 6) made = confirmed(address(registry), c, epoch, keccak256("mine"));
            if (flaw == 7) made.transcript = keccak256(abi.encode(r));
            if (flaw == 8) c.commitments[which] = keccak256(abi.encode(r));
            if (flaw == 9) c.oprfCommitments[which] = keccak256(abi.encode(r));
            if (flaw == 10) {
                made.confirmations[which] = signature(
                    pool[15], committeeDigest(address(registry), c, epoch, registry.recipient(), made.transcript)
                );
            }
            bytes32 before = state();
            bool ok = change(c, made);
            vm.assertTrue(ok == (flaw == 11), "without a flaw, and only so");
            if (ok) inForce(c, epoch, "in force");
            else vm.assertEq(state(), before, "nothing changed");
        }
    }
}
